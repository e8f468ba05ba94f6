using System.Globalization;

namespace ProcMigrate.SystemTests.Harness;

/// <summary>Reads of /proc that do not mind when a process ends meanwhile.</summary>
internal static class Proc
{
    internal static string? ReadText(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    internal static byte[]? ReadBytes(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    internal static string? ReadLink(string path)
    {
        try
        {
            return new FileInfo(path).LinkTarget;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>The fields of /proc/PID/stat from the state (field 3) on; null where there is no such process.</summary>
    internal static string[]? Stat(string folder)
    {
        string? text = ReadText($"{folder}/stat");
        return text?[(text.LastIndexOf(')') + 2)..].TrimEnd().Split(' ');
    }

    internal static bool Exists(int pid) => Directory.Exists($"/proc/{pid}");

    /// <summary>There, and not a zombie.</summary>
    internal static bool IsAlive(int pid) => Stat($"/proc/{pid}") is [not ("Z" or "X"), ..];

    /// <summary>
    /// A SIGKILL waits for it, or it is on its way out: a busy machine may take long to end a process that was killed, and what its
    /// state tells is no different meanwhile.
    /// </summary>
    internal static bool IsDying(int pid)
    {
        // include/linux/sched.h; the signal leaves the queue before the flags are set, so these are read last.
        const uint PF_EXITING = 0x4, PF_SIGNALED = 0x400;
        string pending = (ReadText($"/proc/{pid}/status") ?? "").Split('\n').FirstOrDefault(line => line.StartsWith("SigPnd:", StringComparison.Ordinal)) ?? "SigPnd: 0";
        bool killed = (ulong.Parse(pending.Split(':')[1].Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture) >> Native.SIGKILL - 1 & 1) != 0;
        return killed || Stat($"/proc/{pid}") is not { } stat || (uint.Parse(stat[9 - 3], CultureInfo.InvariantCulture) & (PF_EXITING | PF_SIGNALED)) != 0;
    }

    /// <summary>User and system time used, in clock ticks (1/100 s).</summary>
    internal static long CpuTicks(int pid) =>
        Stat($"/proc/{pid}") is { } stat ? long.Parse(stat[11]) + long.Parse(stat[12]) : 0;
}
