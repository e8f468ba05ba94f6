using System.Text.Json;
using System.Text.Json.Serialization;
using ProcMigrate.Engine.Freeze;
using ProcMigrate.Engine.Inject;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Engine.Save;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.ProcFs;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Kinds;

/// <summary>
/// Locks on files. Record locks belong to the process, which takes them itself; flock and OFD locks belong to the open file,
/// and any process that shares it may take them; leases, too, but their signal names the number they were taken through.
/// All are taken when every process has its descriptors, since an open that conflicts with a lease would wait for its
/// breaking; and before credentials are, since a lease may want CAP_LEASE.
/// </summary>
internal sealed class FileLockAspect : ProcessAspect
{
    public override string Name => "file-locks";

    /// <summary>Notes the locks that show beside a descriptor; those of an open file once, however many share it.</summary>
    public static void Note(DescriptorFacts facts, int objectId, SaveContext context)
    {
        foreach (HeldLock held in LockTable.Of(facts.Info))
        {
            if (Unsupported(held) is { } why)
            {
                context.Block(new Blocker(
                    "FileLease", facts.Process.Pid, facts.Fd, $"{facts.Link}: {held.Class} {held.State} {held.Type}", why,
                    "let the program give it up"));
                continue;
            }
            if (held.Class != LockClass.Posix && !context.LockedOpenFiles.Add((objectId, held)))
                continue;
            bool lease = held.Class == LockClass.Lease;
            context.LocksOf(facts.Process.Pid).Add(new HeldFileLock(
                facts.Fd, objectId, held, facts.Info.Flags, lease ? FileLocks.GetOwner(facts.Ours) : default, lease ? FileLocks.GetSignal(facts.Ours) : 0));
        }
    }

    /// <summary>A lock goes with its open file, but one that no process has a number for could only be taken by the engine.</summary>
    public static void NoteInFlight(DescriptorFacts facts, SaveContext context)
    {
        if (LockTable.Of(facts.Info).Count > 0)
        {
            context.Block(new Blocker(
                "FileLockInFlight", facts.Process.Pid, facts.Fd, facts.Link, "it is locked, and no process has received it yet",
                "try again when it has been received"));
        }
    }

    public override JsonElement? Capture(TracedProcess process, RemoteCalls calls, SaveContext context)
    {
        List<FileLockState> locks = [.. context.LocksOf(process.Pid).Select(FileLockState.Of)];
        return locks.Count == 0 ? null : JsonSerializer.SerializeToElement(locks, StateJson.Default.ListFileLockState);
    }

    public override void Check(JsonElement state, ProcessRecord process, RestoreContext context)
    {
        IReadOnlyList<HeldLock> others = LockTable.OfHost();
        foreach (FileLockState wanted in Parse(state))
        {
            SignalOwners.Check(wanted.OwnerType, wanted.OwnerPid, context);
            if (FileOf(wanted, context) is not { Deleted: 0 } file || FileStatus.TryOfPath(file.Reachable) is not { } here)
                continue;
            foreach (HeldLock other in others.Where(o => IsOn(o, here) && Conflict(wanted, o)))
                context.Block(Locked(wanted, other, file.Path, process.Pid));
        }
    }

    public override void RestoreBeforeCredentials(JsonElement state, ProcessInMaking process)
    {
        List<FileLockState> locks = Parse(state);
        locks.ForEach(l => Take(l, process));
        process.Calls.Run();
        foreach (FileLockState lease in locks.Where(l => l.Class == LockClass.Lease))
            process.Context.AtEnd(() => Complete(lease, process.Context));
    }

    private static void Take(FileLockState wanted, ProcessInMaking process)
    {
        string what = $"the {wanted.Class} lock on {FileOf(wanted, process.Context)?.Path}";
        switch (wanted.Class)
        {
            case LockClass.Posix:
            case LockClass.OpenFile:
                int command = wanted.Class == LockClass.Posix ? FileLocks.F_SETLK : FileLocks.F_OFD_SETLK;
                process.Calls.Add(
                    SyscallNumber.fcntl, what, (ulong)wanted.Fd, (ulong)command, process.Calls.Data(wanted.ToRange()).Value);
                break;
            case LockClass.Flock:
                int operation = (wanted.Write ? FileLocks.LOCK_EX : FileLocks.LOCK_SH) | FileLocks.LOCK_NB;
                process.Calls.Add(SyscallNumber.flock, what, (ulong)wanted.Fd, (ulong)operation);
                break;
            default:
                process.Calls.Add(
                    SyscallNumber.fcntl, what, (ulong)wanted.Fd, FileLocks.F_SETLEASE, (ulong)(wanted.Write ? FileRange.F_WRLCK : FileRange.F_RDLCK));
                break;
        }
    }

    /// <summary>
    /// Taking a lease made the process its owner; the owner may have been another, and the signal any. If somebody was
    /// waiting for the lease to be given up, so it is again: by an open that conflicts, while nobody would be told, since
    /// the program was told before. Only when all leases are taken: none can be added to a file once one is being broken.
    /// </summary>
    private static void Complete(FileLockState lease, RestoreContext context)
    {
        Descriptor file = context.OpenFiles.Get(lease.ObjectId);
        if (lease.BreaksTo != LeaseBreak.None)
        {
            FileLocks.SetOwner(file, default);
            Break(file, lease.BreaksTo == LeaseBreak.ToRead ? OpenFlags.O_RDONLY : OpenFlags.O_WRONLY);
        }
        FileLocks.SetOwner(file, SignalOwners.Here(lease.OwnerType, lease.OwnerPid, context));
        FileLocks.SetSignal(file, lease.Signal);
    }

    private static void Break(Descriptor file, OpenFlags access)
    {
        try
        {
            FileCalls.Open($"/proc/self/fd/{file.Number}", access | OpenFlags.O_NONBLOCK).Dispose();
        }
        catch (LinuxException e) when (e.Errno == Errno.EAGAIN)
        {
            // EWOULDBLOCK: the lease is being broken now, which is what was wanted.
        }
    }

    private static string? Unsupported(HeldLock held) => held switch
    {
        { Class: LockClass.Other } => "this kind of lock is not known",
        _ => null,
    };

    private static bool IsOn(HeldLock held, in FileStatus file) =>
        held.Inode == file.Inode && held.DeviceMajor == file.DeviceMajor && held.DeviceMinor == file.DeviceMinor;

    private static bool Conflict(FileLockState wanted, HeldLock other)
    {
        bool records = wanted.Class is LockClass.Posix or LockClass.OpenFile;
        bool comparable = records ? other.Class is LockClass.Posix or LockClass.OpenFile : other.Class == wanted.Class;
        return comparable && (wanted.Write || other.IsWrite) && other.Overlaps(wanted.Start, wanted.End);
    }

    private static Blocker Locked(FileLockState wanted, HeldLock other, string path, int pid)
    {
        string owner = other.Pid > 0 ? $"process {other.Pid} ({ProcStat.TryOf(other.Pid)?.Name})" : "another process (lsof tells which)";
        return new Blocker(
            "FileLocked", pid, wanted.Fd, path,
            $"the program held a {(wanted.Write ? "write" : "read")} lock on it, and now {owner} holds one that conflicts",
            "end that process, or let it give up its lock");
    }

    private static FileState? FileOf(FileLockState wanted, RestoreContext context)
    {
        ObjectRecord record = context.Object(wanted.ObjectId);
        return record.Kind is "file" or "folder" ? FileState.From(record) : null;
    }

    private static List<FileLockState> Parse(JsonElement state) => RestoreContext.Parse("file-locks", state, StateJson.Default.ListFileLockState);
}

/// <summary>One lock: by descriptor for those who take it themselves, by object for the engine.</summary>
internal sealed record FileLockState
{
    public required int Fd { get; init; }
    public required int ObjectId { get; init; }
    internal LockClass Class { get; set; }

    [JsonRequired]
    [JsonPropertyName("class")]
    public string ClassWord
    {
        get => Class.ToString();
        init => Class = (LockClass)Word.Parse(typeof(LockClass), value);
    }

    public required bool Write { get; init; }
    public required long Start { get; init; }

    /// <summary>Last byte, or long.MaxValue.</summary>
    public required long End { get; init; }
    /// <summary>What a lease is to become that somebody waits for.</summary>
    internal LeaseBreak BreaksTo { get; set; }

    [JsonPropertyName("breaksTo")]
    public string BreaksToWord
    {
        get => BreaksTo.ToString();
        init => BreaksTo = (LeaseBreak)Word.Parse(typeof(LeaseBreak), value);
    }

    public int OwnerType { get; init; }
    public int OwnerPid { get; init; }
    public int Signal { get; init; }

    public static FileLockState Of(HeldFileLock held) => new()
    {
        Fd = held.Fd,
        ObjectId = held.ObjectId,
        Class = held.Lock.Class,
        Write = held.IsWrite,
        BreaksTo = held.BreaksTo,
        Start = held.Lock.Start,
        End = held.Lock.End,
        OwnerType = held.Owner.type,
        OwnerPid = held.Owner.pid,
        Signal = held.Signal,
    };

    public FileRange ToRange() => new()
    {
        l_type = Write ? FileRange.F_WRLCK : FileRange.F_RDLCK,
        l_start = Start,
        l_len = End == long.MaxValue ? 0 : End - Start + 1,
    };
}
