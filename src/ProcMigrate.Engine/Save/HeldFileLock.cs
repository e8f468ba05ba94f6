using ProcMigrate.Engine.Kinds;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.ProcFs;

namespace ProcMigrate.Engine.Save;

/// <summary>A lock found beside a descriptor; Owner and Signal are of a lease, which tells of its breaking by a signal.</summary>
internal sealed record HeldFileLock(int Fd, int ObjectId, HeldLock Lock, OpenFlags Flags, FileOwner Owner, int Signal)
{
    private bool IsBreaking => Lock is { Class: LockClass.Lease, State: "BREAKING" };

    public LeaseBreak BreaksTo => !IsBreaking ? LeaseBreak.None : Lock.Type == "READ" ? LeaseBreak.ToRead : LeaseBreak.ToNothing;

    /// <summary>
    /// Of a lease that is being broken, the kernel shows only what it is to become. Only a write lease can become a read
    /// lease; and a read lease is given to nobody who has the file open for writing.
    /// </summary>
    public bool IsWrite => IsBreaking
        ? BreaksTo == LeaseBreak.ToRead || (Flags & OpenFlags.O_ACCMODE) != OpenFlags.O_RDONLY
        : Lock.IsWrite;
}
