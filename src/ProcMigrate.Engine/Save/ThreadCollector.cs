using System.Globalization;
using System.Runtime.InteropServices;
using ProcMigrate.Engine.Freeze;
using ProcMigrate.Engine.Host;
using ProcMigrate.Engine.Inject;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Processes;
using ProcMigrate.Linux.ProcFs;
using ProcMigrate.Linux.Ptrace;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Save;

/// <summary>stack_t (sigaltstack(2)).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct AlternateStack
{
    public ulong ss_sp;
    public int ss_flags;
    private readonly int padding;
    public ulong ss_size;
}

/// <summary>Reads everything that is a single thread's own.</summary>
internal sealed class ThreadCollector(TracedProcess process, SaveContext context)
{
    private const int PR_GET_PDEATHSIG = 2;
    private const int PR_GET_TIMERSLACK = 30;
    private const int PR_GET_SECUREBITS = 27;
    private const int PR_MCE_KILL_GET = 34;
    private const int PR_GET_TID_ADDRESS = 40;
    private const int PR_GET_IO_FLUSHER = 58;
    private const int SS_ONSTACK = 1;
    public const int MaxExtendedState = 64 * 1024;

    public ThreadRecord Collect(TracedThread thread, RemoteCalls calls)
    {
        int tid = thread.Tid;
        ProcStatus status = ProcStatus.Of(tid);
        RseqConfiguration? rseq = Tracer.GetRseq(tid);
        (ulong robustHead, ulong robustLength) = RobustList.Of(tid);
        CredentialsRecord credentials = CredentialFacts.Of(status, (uint)calls.Call(SyscallNumber.prctl, PR_GET_SECUREBITS));
        ReportLandlock(tid, credentials, calls);
        return new ThreadRecord
        {
            Tid = tid,
            Name = ThreadName(tid),
            Registers = thread.Registers.ToBytes(),
            ExtendedState = ExtendedState(tid),
            SignalMask = thread.SignalMask,
            PendingSignals = Tracer.PeekSignals(tid, shared: false),
            AlternateStack = AlternateStackOf(calls),
            Rseq = rseq is { } r ? new RseqRecord(r.rseq_abi_pointer, r.rseq_abi_size, r.signature, r.flags) : null,
            RobustListHead = robustHead,
            RobustListLength = robustLength,
            ClearChildTid = ClearChildTid(calls),
            Credentials = credentials,
            Scheduling = SchedulingOf(tid, calls),
            ParentDeathSignal = ParentDeathSignal(calls),
            MachineCheckPolicy = (int)calls.Call(SyscallNumber.prctl, PR_MCE_KILL_GET),
            // Answers EPERM without CAP_SYS_RESOURCE: then it cannot have been set either.
            IoFlusher = calls.Try(SyscallNumber.prctl, PR_GET_IO_FLUSHER) > 0,
            TimedCall = TimedCalls.Describe(process, thread, context),
        };
    }

    private void ReportLandlock(int tid, CredentialsRecord credentials, RemoteCalls calls)
    {
        if (Landlock.IsEnabled && context.Shared(() => new LandlockProbe()).IsRestricted(tid, credentials, calls))
        {
            context.Block(new Blocker(
                "Landlock", process.Pid, null, $"thread {tid} is in a Landlock domain",
                "the kernel shows nobody its rules; restored without them, the program could do what it has forbidden itself",
                "start the program without its sandbox, if it has an option for that"));
        }
    }

    private static string ThreadName(int tid) => FileCalls.ReadText($"/proc/{tid}/comm")[..^1];

    private static byte[] ExtendedState(int tid)
    {
        byte[] buffer = new byte[MaxExtendedState];
        int length = Tracer.GetRegisterSet(tid, RegisterSet.NT_X86_XSTATE, buffer);
        return buffer[..length];
    }

    private static AlternateStackRecord AlternateStackOf(RemoteCalls calls)
    {
        calls.Call(SyscallNumber.sigaltstack, 0, calls.Scratch.Value);
        AlternateStack stack = calls.ReadScratch<AlternateStack>();
        // SS_ONSTACK is told by the stack pointer alone, and refused when set.
        return new AlternateStackRecord(stack.ss_sp, stack.ss_flags & ~SS_ONSTACK, stack.ss_size);
    }

    private static ulong ClearChildTid(RemoteCalls calls)
    {
        calls.Call(SyscallNumber.prctl, PR_GET_TID_ADDRESS, calls.Scratch.Value);
        return calls.ReadScratch<ulong>();
    }

    private static int ParentDeathSignal(RemoteCalls calls)
    {
        calls.Call(SyscallNumber.prctl, PR_GET_PDEATHSIG, calls.Scratch.Value);
        return calls.ReadScratch<int>();
    }

    private static ulong TimerSlack(int tid, RemoteCalls calls)
    {
        try
        {
            return ulong.Parse(FileCalls.ReadText($"/proc/{tid}/timerslack_ns"), CultureInfo.InvariantCulture);
        }
        catch (LinuxException e) when (e.Errno is Errno.EPERM or Errno.EACCES)
        {
            // From outside it takes CAP_SYS_NICE; the thread itself may ask.
            return (ulong)calls.Call(SyscallNumber.prctl, PR_GET_TIMERSLACK);
        }
    }

    private static SchedulingRecord SchedulingOf(int tid, RemoteCalls calls)
    {
        SchedAttr attr = Scheduling.GetAttributes(tid);
        byte[] affinity = Scheduling.GetAffinity(tid);
        return new SchedulingRecord
        {
            Policy = attr.sched_policy,
            Flags = attr.sched_flags,
            // Not attr.sched_nice: under a realtime policy the kernel answers 0 there, and still keeps the value for later.
            Nice = ProcStat.Of(tid).Nice,
            Priority = attr.sched_priority,
            RuntimeNs = attr.sched_runtime,
            DeadlineNs = attr.sched_deadline,
            PeriodNs = attr.sched_period,
            Affinity = affinity,
            AllCpus = affinity.Sum(b => int.PopCount(b)) >= OnlineCpus.Count,
            IoPriority = Scheduling.GetIoPriority(tid),
            TimerSlackNs = TimerSlack(tid, calls),
        };
    }
}
