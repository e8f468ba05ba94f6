using System.Globalization;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Linux.ProcFs;

/// <summary>What the scheduler tells of a thread (/proc/TID/sched, with CONFIG_SCHED_DEBUG).</summary>
/// <param name="ExecStartNs">When its time on a processor was last reckoned, on the clock of that processor's run queue: for one that sleeps, when it fell asleep.</param>
/// <param name="VoluntarySwitches">How often it has given up a processor by itself.</param>
public sealed record SchedulerFacts(long ExecStartNs, long VoluntarySwitches)
{
    /// <returns>Null where this kernel has no such file, or another one.</returns>
    public static SchedulerFacts? TryOf(int tid) => TryRead($"/proc/{tid}/sched");

    /// <summary>Of the calling thread.</summary>
    public static SchedulerFacts? TryOwn() => TryRead("/proc/thread-self/sched");

    private static SchedulerFacts? TryRead(string path)
    {
        try
        {
            return Parse(FileCalls.ReadText(path));
        }
        catch (LinuxException e) when (e.Errno is Errno.ENOENT or Errno.ESRCH or Errno.EACCES or Errno.EPERM)
        {
            return null;
        }
    }

    internal static SchedulerFacts? Parse(string text) =>
        Field(text, "se.exec_start") is { } start && Field(text, "nr_voluntary_switches") is { } switches ? new SchedulerFacts(start, switches) : null;

    /// <summary>Milliseconds have six decimals: without the point they are nanoseconds.</summary>
    private static long? Field(string text, string name)
    {
        foreach (ReadOnlySpan<char> line in text.AsSpan().EnumerateLines())
        {
            if (!line.StartsWith(name, StringComparison.Ordinal) || line[name.Length..].TrimStart() is not [':', .. var value])
                continue;
            string digits = value.Trim().ToString().Replace(".", "", StringComparison.Ordinal);
            return long.TryParse(digits, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long number) ? number : null;
        }
        return null;
    }
}
