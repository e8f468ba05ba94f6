using ProcMigrate.Engine.Freeze;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Processes;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Save;

/// <summary>
/// Processes that share what processes normally have for themselves (clone(2) with CLONE_VM, CLONE_FILES …). It is inherited
/// at birth or not at all, so what a process shares with its parent can be made again, and nothing else.
/// </summary>
internal sealed class SharedTables(IReadOnlyList<TracedProcess> processes, SaveContext context)
{
    private static readonly (int Type, ulong Flag, string Id, string What)[] Tables =
    [
        (Kcmp.KCMP_VM, CloneArguments.CLONE_VM, "SharedAddressSpace", "memory"),
        (Kcmp.KCMP_FILES, CloneArguments.CLONE_FILES, "SharedDescriptorTable", "table of descriptors"),
        (Kcmp.KCMP_FS, CloneArguments.CLONE_FS, "SharedFolders", "working folder and umask"),
        (Kcmp.KCMP_SIGHAND, CloneArguments.CLONE_SIGHAND, "SharedSignalActions", "signal actions"),
        (Kcmp.KCMP_SYSVSEM, CloneArguments.CLONE_SYSVSEM, "SharedSemaphoreUndo", "list of semaphore operations to undo (SEM_UNDO)"),
    ];

    private readonly Dictionary<int, int> _shared = [];

    /// <summary>Flags of clone(2) by pid, for the processes that share anything with their parents. The rest are blockers.</summary>
    public Dictionary<int, int> Find()
    {
        foreach ((int type, ulong flag, string id, string what) in Tables)
        {
            int nobody = type == Kcmp.KCMP_SYSVSEM ? ThreadWithoutUndo() : 0;
            foreach (List<int> sharers in Sharers(type, nobody))
                Note(sharers, flag, id, what);
            foreach (TracedProcess root in processes)
            {
                if (Of(root.Stat.ParentPid) is null && SharesWithOutside(root, type, nobody))
                    Block(root, id, what, root.Stat.ParentPid, "which is not in the tree", "save both together");
            }
        }
        foreach (TracedProcess process in processes)
            ReportThreads(process);
        return _shared;
    }

    /// <summary>Groups of processes with the same table. kcmp gives an order, so sorting finds them without comparing each with each.</summary>
    private List<List<int>> Sharers(int type, int nobody)
    {
        List<int> pids = [];
        foreach (TracedProcess process in processes)
        {
            if (nobody == 0 || Order(process.Pid, nobody, type) != 0)
                pids.Add(process.Pid);
        }
        pids.Sort((a, b) => Order(a, b, type));
        var groups = new List<List<int>>();
        for (int i = 1; i < pids.Count; i++)
        {
            if (Order(pids[i - 1], pids[i], type) != 0)
                continue;
            if (groups.Count == 0 || groups[^1][^1] != pids[i - 1])
                groups.Add([pids[i - 1]]);
            groups[^1].Add(pids[i]);
        }
        return groups;
    }

    private void Note(List<int> sharers, ulong flag, string id, string what)
    {
        int first = 0;
        foreach (TracedProcess process in processes) // parents before children
        {
            if (!sharers.Contains(process.Pid))
                continue;
            int parent = process.Stat.ParentPid;
            if (first == 0)
                first = process.Pid;
            else if (sharers.Contains(parent) && IsBornByParent(process))
                _shared[process.Pid] = _shared.GetValueOrDefault(process.Pid) | (int)flag;
            else
                Block(process, id, what, first, "which is not its parent; sharing is inherited at birth and cannot be made later", "none is known");
        }
    }

    /// <summary>An orphan of another session is not born by the process that has adopted it (see ProcessCreator).</summary>
    private bool IsBornByParent(TracedProcess process) =>
        process.Stat.SessionId == process.Pid || process.Stat.SessionId == Of(process.Stat.ParentPid)?.Stat.SessionId;

    private static bool SharesWithOutside(TracedProcess root, int type, int nobody)
    {
        try
        {
            return Order(root.Pid, root.Stat.ParentPid, type) == 0 && (nobody == 0 || Order(root.Pid, nobody, type) != 0);
        }
        catch (LinuxException)
        {
            // Its parent is not ours to look into, or gone: nothing says that they share.
            return false;
        }
    }

    /// <summary>
    /// Threads share all with their process, but may leave it (unshare(2)): folders and umask each for itself, as file servers do to
    /// act for several users, are carried where no root folder was changed.
    /// </summary>
    private void ReportThreads(TracedProcess process)
    {
        List<int> own = [];
        foreach (TracedThread thread in process.Threads)
        {
            if (Order(process.Pid, thread.Tid, Kcmp.KCMP_FILES) != 0)
                BlockThread(process, thread.Tid, "a table of descriptors");
            if (Order(process.Pid, thread.Tid, Kcmp.KCMP_FS) == 0)
                continue;
            own.Add(thread.Tid);
            if (FileCalls.ReadLink($"/proc/{process.Pid}/root") != "/" || FileCalls.ReadLink($"/proc/{process.Pid}/task/{thread.Tid}/root") != "/")
                BlockThread(process, thread.Tid, "a root folder");
        }
        own.Sort((a, b) => Order(a, b, Kcmp.KCMP_FS));
        for (int i = 1; i < own.Count; i++)
        {
            if (Order(own[i - 1], own[i], Kcmp.KCMP_FS) == 0)
                BlockThread(process, own[i], $"a working folder together with thread {own[i - 1]}");
        }
    }

    private void BlockThread(TracedProcess process, int tid, string what) => context.Block(new Blocker(
        "ThreadWithOwnTables", process.Pid, null, $"thread {tid} has {what} of its own",
        "of what threads take for themselves (unshare(2)) only working folders and umasks are carried, each of one thread", "none is known"));

    private void Block(TracedProcess process, string id, string what, int other, string why, string remedy) =>
        context.Block(new Blocker(id, process.Pid, null, $"its {what}, shared with process {other}", $"it is shared with process {other}, {why}", remedy));

    private TracedProcess? Of(int pid) => processes.FirstOrDefault(p => p.Pid == pid);

    /// <summary>
    /// Processes that never used SEM_UNDO all have none of these lists, which compares as equal. This thread has none for sure: it
    /// lets go of the one that it may share with our others.
    /// </summary>
    private static int ThreadWithoutUndo()
    {
        RawSyscall.Call(SyscallNumber.unshare, "semaphore undo of this thread", (nint)CloneArguments.CLONE_SYSVSEM);
        return (int)RawSyscall.Call(SyscallNumber.gettid, "this thread");
    }

    /// <summary>kcmp answers 0 the same, 1 less, 2 greater.</summary>
    private static int Order(int a, int b, int type) => a == b ? 0 : Kcmp.Compare(a, b, type) switch
    {
        0 => 0,
        1 => -1,
        _ => 1,
    };
}
