using ProcMigrate.Engine.Restore;
using ProcMigrate.Engine.Save;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Kinds;

/// <summary>
/// Who is sent a signal when something happens to an open file of any kind (fcntl(2): F_SETOWN_EX, F_SETSIG, O_ASYNC).
/// </summary>
internal static class SignalOwners
{
    private const int F_OWNER_TID = 0;
    private const int F_OWNER_PID = 1;
    private const int F_OWNER_PGRP = 2;
    private const ulong F_GETFL = 3;
    private const ulong F_SETFL = 4;

    /// <summary>Null where nobody is sent anything.</summary>
    public static SignalOwnerRecord? Capture(DescriptorFacts facts, SaveContext context)
    {
        if ((facts.Info.Flags & OpenFlags.O_PATH) != 0)
            return null;
        FileOwner owner = FileLocks.GetOwner(facts.Ours);
        int signal = FileLocks.GetSignal(facts.Ours);
        bool async = (facts.Info.Flags & OpenFlags.O_ASYNC) != 0;
        if (owner.pid == 0 && signal == 0 && !async)
            return null;
        if (owner.pid != 0 && !IsInTree(owner, context))
        {
            context.Block(new Blocker(
                "SignalOwner", facts.Process.Pid, facts.Fd, $"{facts.Link}, whose signals go to {Describe(owner)}",
                "that is outside the tree, and will not be the same one later", "save it too, or let the program change it (F_SETOWN)"));
        }
        return new SignalOwnerRecord(owner.type, owner.pid, signal, async);
    }

    /// <summary>The owner comes last: nothing that restoring does to the file may send it a signal.</summary>
    public static void Restore(Descriptor file, ObjectRecord record, RestoreContext context)
    {
        if (record.SignalOwner is not { } owner)
            return;
        if (owner.Signal != 0)
            FileLocks.SetSignal(file, owner.Signal);
        if (owner.Pid != 0)
            context.BeforeRelease(() => FileLocks.SetOwner(file, Here(owner.Type, owner.Pid, context)));
    }

    /// <summary>
    /// The kernel notes the number under which O_ASYNC was set, and tells it in si_fd: so the process sets it by its own.
    /// </summary>
    public static void Placed(ObjectRecord record, DescriptorRecord descriptor, ProcessInMaking process)
    {
        if (record.SignalOwner is not { Async: true })
            return;
        RestoreContext context = process.Context;
        if (!context.Shared("async files", () => new HashSet<int>()).Add(record.Id))
            return;
        process.Calls.Run();
        string what = $"descriptor {descriptor.Fd}";
        var flags = (OpenFlags)process.Leader.Call(SyscallNumber.fcntl, what, (ulong)descriptor.Fd, F_GETFL);
        process.Leader.Call(SyscallNumber.fcntl, what, (ulong)descriptor.Fd, F_SETFL, (ulong)(flags & ~OpenFlags.O_ASYNC));
        process.Leader.Call(SyscallNumber.fcntl, what, (ulong)descriptor.Fd, F_SETFL, (ulong)(flags | OpenFlags.O_ASYNC));
    }

    private static bool IsInTree(FileOwner owner, SaveContext context) => owner.type switch
    {
        F_OWNER_TID => context.Processes.Any(p => p.Threads.Any(t => t.Tid == owner.pid)),
        F_OWNER_PGRP => context.Processes.Any(p => p.Stat.GroupId == owner.pid),
        _ => context.Processes.Any(p => p.Pid == owner.pid),
    };

    /// <summary>
    /// Only what is of the tree: the kernel sends these signals with the rights of whoever set the owner, and that is us.
    /// </summary>
    public static void Check(int type, int pid, RestoreContext context)
    {
        // Of a part of an image, the owner may be in the rest of it.
        if (pid != 0 && context.Options.Only.Count == 0 && MemberOf(type, pid, context) is null)
            throw RestoreContext.Damaged($"signals of an open file go to {Describe(new FileOwner { type = type, pid = pid })}, which is not in it");
    }

    /// <summary>
    /// The owner as it is here, or nobody. The group that the root was started in does not come along; the group of now of one that was in it
    /// stands for it.
    /// </summary>
    public static FileOwner Here(int type, int pid, RestoreContext context)
    {
        if (MemberOf(type, pid, context) is not { } member)
            return default;
        return new FileOwner
        {
            type = type,
            pid = type == F_OWNER_PGRP ? (int)RawSyscall.Call(SyscallNumber.getpgid, $"process {member.Pid}", member.Pid) : pid,
        };
    }

    private static ProcessRecord? MemberOf(int type, int pid, RestoreContext context) => type switch
    {
        F_OWNER_TID => context.Tree.Processes.FirstOrDefault(p => p.Threads.Any(t => t.Tid == pid)),
        F_OWNER_PID => context.Tree.Processes.FirstOrDefault(p => p.Pid == pid),
        F_OWNER_PGRP => context.Tree.Processes.FirstOrDefault(p => p.GroupId == pid),
        _ => null,
    };

    private static string Describe(FileOwner owner) => owner.type switch
    {
        F_OWNER_TID => $"thread {owner.pid}",
        F_OWNER_PGRP => $"process group {owner.pid}",
        _ => $"process {owner.pid}",
    };
}
