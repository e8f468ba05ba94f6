using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Processes;
using ProcMigrate.Linux.Ptrace;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Restore;

/// <summary>
/// Stops processes that were stopped (signal(7)), while they are still ours: so the parent is told now, and what it has been
/// told before the save can be taken back. A group-stop outlasts our calls and takes effect again at the release.
/// </summary>
internal static class GroupStop
{
    private const int SIGSTOP = 19;

    public static void Enter(ProcessRecord record, IReadOnlyList<OwnedThread> threads, TreeRecord tree)
    {
        int signal = Effective(record, tree) ? record.StopSignal : SIGSTOP;
        foreach (OwnedThread thread in threads)
            Tracer.SetSignalMask(thread.Tid, ~(1UL << (signal - 1)));
        using (PidFd process = PidFd.Open(record.Pid))
            process.Signal(signal);
        foreach (OwnedThread thread in threads)
            AwaitStop(thread);
        foreach (OwnedThread thread in threads)
            Tracer.SetSignalMask(thread.Tid, ulong.MaxValue);
    }

    /// <summary>The parent has seen the stop before: it is not to be told again.</summary>
    public static void TakeNotice(OwnedThread parent, int child)
    {
        const ulong P_PID = 1, WNOHANG = 1, WSTOPPED = 2, __WALL = 0x4000_0000;
        parent.Call(SyscallNumber.waitid, $"the stop of process {child}", P_PID, (ulong)child, 0, WSTOPPED | WNOHANG | __WALL, 0);
    }

    private static void AwaitStop(OwnedThread thread)
    {
        int signal = 0;
        while (true)
        {
            Tracer.Continue(thread.Tid, signal);
            WaitStatus status = thread.Wait();
            if (status.IsGroupStop)
                return;
            signal = status.IsSignalDelivery ? status.StopSignal : 0;
        }
    }

    /// <summary>
    /// A stop from the terminal (SIGTSTP, SIGTTIN, SIGTTOU) is ignored in an orphaned process group: one of which no member has a
    /// parent in the same session and another group.
    /// </summary>
    private static bool Effective(ProcessRecord record, TreeRecord tree)
    {
        if (record.SignalActions.Any(a => a.Signal == record.StopSignal && a.Handler != 0))
            return false;
        return record.StopSignal == SIGSTOP || tree.Processes.Any(member => member.GroupId == record.GroupId
            && tree.Processes.Any(p => p.Pid == member.ParentPid && p.SessionId == member.SessionId && p.GroupId != member.GroupId));
    }
}
