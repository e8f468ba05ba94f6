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
            context.BeforeRelease(() => FileLocks.SetOwner(file, new FileOwner { type = owner.Type, pid = Here(owner, context) }));
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

    /// <summary>The group that the root was started in does not come along; the root's group of now stands for it.</summary>
    private static int Here(SignalOwnerRecord owner, RestoreContext context)
    {
        ProcessRecord root = context.Tree.Processes[0];
        bool rootsGroup = owner.Type == F_OWNER_PGRP && owner.Pid == root.GroupId && root.GroupId != root.Pid;
        return rootsGroup ? (int)RawSyscall.Call(SyscallNumber.getpgid, $"process {root.Pid}", root.Pid) : owner.Pid;
    }

    private static string Describe(FileOwner owner) => owner.type switch
    {
        F_OWNER_TID => $"thread {owner.pid}",
        F_OWNER_PGRP => $"process group {owner.pid}",
        _ => $"process {owner.pid}",
    };
}
