using System.Globalization;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Restore;

/// <summary>What a time namespace adds to the machine's own clocks, in nanoseconds (/proc/PID/timens_offsets).</summary>
internal sealed class ClockOffsets(long monotonic, long boottime)
{
    private const long NanosecondsPerSecond = 1_000_000_000;

    public long Monotonic { get; } = monotonic;
    public long Boottime { get; } = boottime;

    /// <param name="process">Its pid, or "self".</param>
    public static ClockOffsets OfProcess(string process)
    {
        try
        {
            return Parse(FileCalls.ReadText($"/proc/{process}/timens_offsets"));
        }
        catch (LinuxException e) when (e.Errno == Errno.ENOENT)
        {
            // A kernel without time namespaces.
            return new ClockOffsets(0, 0);
        }
    }

    /// <summary>Lines of a clock's name, seconds and nanoseconds.</summary>
    public static ClockOffsets Parse(string text)
    {
        long monotonic = 0, boottime = 0;
        foreach (string line in text.Split('\n'))
        {
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words.Length < 3 || !long.TryParse(words[1], CultureInfo.InvariantCulture, out long seconds)
                || !long.TryParse(words[2], CultureInfo.InvariantCulture, out long nanoseconds) || Math.Abs(seconds) > long.MaxValue / NanosecondsPerSecond / 4)
                continue;
            if (words[0] == "monotonic")
                monotonic = seconds * NanosecondsPerSecond + nanoseconds;
            else if (words[0] == "boottime")
                boottime = seconds * NanosecondsPerSecond + nanoseconds;
        }
        return new ClockOffsets(monotonic, boottime);
    }

    /// <summary>To the namespace for the children of a process, while nobody lives in it yet.</summary>
    public void Write(int pid) =>
        FileCalls.WriteText($"/proc/{pid}/timens_offsets", Line("monotonic", Monotonic) + Line("boottime", Boottime));

    /// <summary>The kernel wants nanoseconds that are not negative.</summary>
    private static string Line(string clock, long offset)
    {
        long nanoseconds = (offset % NanosecondsPerSecond + NanosecondsPerSecond) % NanosecondsPerSecond;
        return string.Create(CultureInfo.InvariantCulture, $"{clock} {(offset - nanoseconds) / NanosecondsPerSecond} {nanoseconds}\n");
    }
}
