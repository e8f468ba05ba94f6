using System.Globalization;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Linux.ProcFs;

/// <summary>Timers of the kernel that wake a thread (/proc/timer_list, for root): when each expires, but not whose it is.</summary>
public sealed class TimerList
{
    private const string ExpiresAt = " # expires at ";

    private TimerList(long now, HashSet<long> wakeups) => (Now, Wakeups) = (now, wakeups);

    /// <summary>CLOCK_MONOTONIC when the list was made, in nanoseconds, that of the host.</summary>
    public long Now { get; }

    /// <summary>On the same clock.</summary>
    public IReadOnlySet<long> Wakeups { get; }

    /// <returns>Null where it may not be read.</returns>
    public static TimerList? TryRead()
    {
        try
        {
            return Parse(FileCalls.ReadText("/proc/timer_list"));
        }
        catch (LinuxException e) when (e.Errno is Errno.ENOENT or Errno.EACCES or Errno.EPERM)
        {
            return null;
        }
    }

    internal static TimerList? Parse(string text)
    {
        long now = -1, offset = 0;
        bool wakeup = false;
        var wakeups = new HashSet<long>();
        foreach (ReadOnlySpan<char> line in text.AsSpan().EnumerateLines())
        {
            if (line.StartsWith("now at ", StringComparison.Ordinal))
                now = Number(line[7..]);
            // What a clock (that of the time of day, say) is ahead of CLOCK_MONOTONIC.
            else if (line.StartsWith("  .offset:", StringComparison.Ordinal))
                offset = Number(line[10..]);
            else if (line.StartsWith(" #", StringComparison.Ordinal) && !line.StartsWith(ExpiresAt, StringComparison.Ordinal))
                wakeup = line.Contains("hrtimer_wakeup", StringComparison.Ordinal);
            else if (wakeup && line.StartsWith(ExpiresAt, StringComparison.Ordinal))
                wakeups.Add(Number(line[ExpiresAt.Length..]) - offset);
        }
        return now < 0 ? null : new TimerList(now, wakeups);
    }

    private static long Number(ReadOnlySpan<char> text)
    {
        text = text.TrimStart();
        int length = 0;
        while (length < text.Length && char.IsAsciiDigit(text[length]))
            length++;
        return long.TryParse(text[..length], NumberStyles.None, CultureInfo.InvariantCulture, out long number) ? number : 0;
    }
}
