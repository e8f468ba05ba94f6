using System.Globalization;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Linux.ProcFs;

/// <summary>What kind of lock (proc_locks(5)).</summary>
public enum LockClass
{
    /// <summary>Record lock of a process (fcntl F_SETLK).</summary>
    Posix,

    /// <summary>Record lock of an open file (fcntl F_OFD_SETLK).</summary>
    OpenFile,

    /// <summary>flock(2).</summary>
    Flock,

    /// <summary>fcntl F_SETLEASE.</summary>
    Lease,

    /// <summary>A delegation of the NFS server, or what a newer kernel invents.</summary>
    Other,
}

/// <summary>One lock as /proc/locks and fdinfo show it.</summary>
/// <param name="State">ADVISORY, ACTIVE, BREAKING …</param>
/// <param name="Type">READ, WRITE or UNLCK.</param>
/// <param name="Pid">Who took it, or -1 for a lock of an open file.</param>
/// <param name="End">Last byte, or long.MaxValue for all to come.</param>
public sealed record HeldLock(
    LockClass Class, string State, string Type, int Pid, uint DeviceMajor, uint DeviceMinor, ulong Inode, long Start, long End)
{
    public bool IsWrite => Type == "WRITE";

    public bool Overlaps(long start, long end) => Start <= end && start <= End;
}

/// <summary>Locks on files, of the whole host or of one descriptor.</summary>
public static class LockTable
{
    private const string Prefix = "lock:";

    /// <summary>All locks held on this host; who waits for one is left out.</summary>
    public static IReadOnlyList<HeldLock> OfHost() =>
        [.. FileCalls.ReadText("/proc/locks").Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(l => !l.Contains("->", StringComparison.Ordinal)).Select(Parse)];

    /// <summary>The locks of one descriptor, which its process or its open file owns.</summary>
    public static IReadOnlyList<HeldLock> Of(DescriptorInfo info) =>
        [.. info.Lines.Where(l => l.StartsWith(Prefix, StringComparison.Ordinal)).Select(l => Parse(l[Prefix.Length..]))];

    internal static HeldLock Parse(string line)
    {
        // "1: POSIX  ADVISORY  WRITE 1234 fd:00:5678 0 EOF"
        string[] f = line.Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
        if (f.Length < 8)
            throw new FormatException($"not a lock: {line}");
        string[] file = f[5].Split(':');
        return new HeldLock(
            f[1] switch
            {
                "POSIX" => LockClass.Posix,
                "OFDLCK" => LockClass.OpenFile,
                "FLOCK" => LockClass.Flock,
                "LEASE" => LockClass.Lease,
                _ => LockClass.Other,
            },
            f[2], f[3], int.Parse(f[4], CultureInfo.InvariantCulture),
            uint.Parse(file[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture),
            uint.Parse(file[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture),
            ulong.Parse(file[2], CultureInfo.InvariantCulture),
            long.Parse(f[6], CultureInfo.InvariantCulture),
            f[7] == "EOF" ? long.MaxValue : long.Parse(f[7], CultureInfo.InvariantCulture));
    }
}
