using ProcMigrate.Engine.Host;
using ProcMigrate.Engine.Kinds;
using ProcMigrate.Engine.Save;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Processes;
using ProcMigrate.Linux.Ptrace;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Restore;

/// <summary>Gives one thread all that is its own. Its registers and signal mask come at the very end.</summary>
internal sealed class ThreadBuilder(ProcessRecord process, ThreadRecord record, OwnedThread thread, CallTable calls, RestoreContext context)
{
    private const ulong PR_SET_PDEATHSIG = 1;
    private const ulong PR_SET_DUMPABLE = 4;
    private const ulong PR_SET_NAME = 15;
    private const ulong PR_SET_TIMERSLACK = 29;
    private const ulong PR_MCE_KILL = 33;
    private const ulong PR_MCE_KILL_SET = 1;
    private const int SystemMachineCheckPolicy = 2;
    private const ulong PR_SET_IO_FLUSHER = 57;
    private const uint SCHED_DEADLINE = 6;
    private const ulong KeptSchedulingFlags = 0x7; // RESET_ON_FORK, RECLAIM, DL_OVERRUN

    public void Build(CredentialsRecord current)
    {
        SetScheduling();
        AddIdentity();
        CredentialCalls.Add(calls, record.Credentials, current, context.Warnings);
        // Changing credentials clears both of these (commit_creds in kernel/cred.c).
        AddParentDeathSignal();
        if (record.MachineCheckPolicy != SystemMachineCheckPolicy)
            calls.Add(SyscallNumber.prctl, "machine check policy", PR_MCE_KILL, PR_MCE_KILL_SET, (ulong)record.MachineCheckPolicy);
        if (record.IoFlusher)
            calls.Add(SyscallNumber.prctl, "IO flusher", PR_SET_IO_FLUSHER, 1);
        // 2 cannot be set, only come about; 0 forbids the same and more.
        calls.Add(SyscallNumber.prctl, "dumpable", PR_SET_DUMPABLE, process.Dumpable == 1 ? 1UL : 0);
        calls.Run();
    }

    /// <summary>
    /// A root is the child of whoever restores it, and soon of an init: to it, its parent would have died right away. The parent that was
    /// meant is not in the tree.
    /// </summary>
    private void AddParentDeathSignal()
    {
        if (record.ParentDeathSignal == 0)
            return;
        if (context.Tree.Processes.Any(p => p.Pid == process.ParentPid))
            calls.Add(SyscallNumber.prctl, "parent death signal", PR_SET_PDEATHSIG, (ulong)record.ParentDeathSignal);
        else
            context.WarnOnce($"process {process.Pid} asked for signal {record.ParentDeathSignal} at the end of its parent (PR_SET_PDEATHSIG), which was not saved with it: it is not asked for any more");
    }

    /// <summary>Signals that waited for the thread alone. It sends them to itself: only so may their origin be any.</summary>
    public void QueueSignals(RestorerArea area)
    {
        foreach (byte[] info in record.PendingSignals.Where(s => !PosixTimerAspect.SendsAgain(process, s)))
        {
            int signal = SignalInfo.FromBytes(info).si_signo;
            thread.Call(
                SyscallNumber.rt_tgsigqueueinfo, $"pending signal {signal}",
                (ulong)process.Pid, (ulong)record.Tid, (ulong)signal, area.WriteData(0, info).Value);
        }
    }

    private void AddIdentity()
    {
        calls.Add(SyscallNumber.prctl, "thread name", PR_SET_NAME, calls.Text(record.Name).Value);
        calls.Add(SyscallNumber.set_tid_address, "clear_child_tid", record.ClearChildTid);
        if (record.RobustListHead != 0)
            calls.Add(SyscallNumber.set_robust_list, "robust list", record.RobustListHead, record.RobustListLength);
        if (record.AlternateStack.Address != 0 || record.AlternateStack.Size != 0)
            calls.Add(SyscallNumber.sigaltstack, "alternate signal stack", AlternateStackData().Value);
        if (record.Rseq is { } rseq)
            calls.Add(SyscallNumber.rseq, "rseq", rseq.Address, rseq.Size, rseq.Flags, rseq.Signature);
        calls.Add(SyscallNumber.prctl, "timer slack", PR_SET_TIMERSLACK, record.Scheduling.TimerSlackNs);
    }

    private RemoteAddress AlternateStackData() => calls.Data(new AlternateStack
    {
        ss_sp = record.AlternateStack.Address,
        ss_flags = record.AlternateStack.Flags,
        ss_size = record.AlternateStack.Size,
    });

    private void SetScheduling()
    {
        SchedulingRecord wanted = record.Scheduling;
        bool deadline = wanted.Policy == SCHED_DEADLINE;
        SetAffinity(wanted);
        Scheduling.SetNice(thread.Tid, wanted.Nice);
        Scheduling.SetAttributes(thread.Tid, new SchedAttr
        {
            size = 48, // the first version of the struct: without the utilisation clamps
            sched_policy = wanted.Policy,
            sched_flags = wanted.Flags & KeptSchedulingFlags,
            sched_nice = wanted.Nice,
            sched_priority = wanted.Priority,
            // Elsewhere the kernel shows its own time slice here, which would become one of the thread's own if set.
            sched_runtime = deadline ? wanted.RuntimeNs : 0,
            sched_deadline = deadline ? wanted.DeadlineNs : 0,
            sched_period = deadline ? wanted.PeriodNs : 0,
        });
        if (wanted.IoPriority != 0)
            Scheduling.SetIoPriority(thread.Tid, wanted.IoPriority);
    }

    private void SetAffinity(SchedulingRecord wanted)
    {
        try
        {
            Scheduling.SetAffinity(thread.Tid, wanted.AllCpus ? OnlineCpus.Mask : wanted.Affinity);
        }
        catch (LinuxException e) when (e.Errno == Errno.EINVAL)
        {
            context.Warnings.Add($"thread {thread.Tid} was bound to CPUs that this host does not have; it may run on all of them");
            Scheduling.SetAffinity(thread.Tid, OnlineCpus.Mask);
        }
    }
}
