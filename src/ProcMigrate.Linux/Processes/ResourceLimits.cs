using System.Runtime.InteropServices;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Linux.Processes;

/// <summary>struct rlimit64.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct ResourceLimit
{
    public ulong rlim_cur;
    public ulong rlim_max;
}

/// <summary>Resource limits (getrlimit(2)).</summary>
public static unsafe class ResourceLimits
{
    public const int RLIMIT_NOFILE = 7;
    public const int RLIMIT_MEMLOCK = 8;
    public const int Count = 16;

    /// <summary>Names of /proc/PID/limits, in order of their numbers on x86-64.</summary>
    private static readonly string[] Titles =
    [
        "Max cpu time", "Max file size", "Max data size", "Max stack size", "Max core file size", "Max resident set",
        "Max processes", "Max open files", "Max locked memory", "Max address space", "Max file locks",
        "Max pending signals", "Max msgqueue size", "Max nice priority", "Max realtime priority", "Max realtime timeout",
    ];

    /// <summary>
    /// All limits of a process from /proc/PID/limits. Not prlimit64: on a process of another user that asks for
    /// CAP_SYS_RESOURCE, which even root may lack.
    /// </summary>
    public static IReadOnlyList<(int Resource, ulong Soft, ulong Hard)> Of(int pid)
    {
        var found = new List<(int, ulong, ulong)>(Count);
        foreach (string line in Files.FileCalls.ReadText($"/proc/{pid}/limits").Split('\n'))
        {
            int resource = Array.FindIndex(Titles, t => line.StartsWith(t, StringComparison.Ordinal));
            if (resource < 0)
                continue;
            string[] fields = line[Titles[resource].Length..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
            found.Add((resource, Parse(fields[0]), Parse(fields[1])));
        }
        return found.Count == Count
            ? found
            : throw new FormatException($"/proc/{pid}/limits shows {found.Count} limits, {Count} were expected");
    }

    /// <summary>Our own limit of a resource.</summary>
    public static ResourceLimit GetOwn(int resource)
    {
        ResourceLimit limit;
        RawSyscall.Call(SyscallNumber.prlimit64, "this process", 0, resource, 0, (nint)(&limit));
        return limit;
    }

    public static void SetOwn(int resource, ResourceLimit limit) =>
        RawSyscall.Call(SyscallNumber.prlimit64, "this process", 0, resource, (nint)(&limit), 0);

    private static ulong Parse(string text) =>
        text == "unlimited" ? ulong.MaxValue : ulong.Parse(text, System.Globalization.CultureInfo.InvariantCulture);
}
