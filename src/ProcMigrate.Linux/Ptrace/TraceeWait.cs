using System.Diagnostics;
using System.Runtime.InteropServices;
using ProcMigrate.Linux.Processes;
using ProcMigrate.Linux.ProcFs;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Linux.Ptrace;

/// <summary>
/// Waiting for a tracee that never waits for ever. wait4(2) knows no time limit, so a timer of the waiting thread's own interrupts it every
/// now and then, and the thread looks around:
/// 1. a leader that was killed is not reported before every other thread of its process is gone (delay_group_leader in kernel/exit.c),
///    and those are zombies that wait for their tracer, which is us: they are collected;
/// 2. somebody may have cancelled what the wait is for.
/// </summary>
public sealed unsafe class TraceeWait : IDisposable
{
    private const int __WALL = 0x40000000;
    private const int WNOHANG = 1;
    private const int SIG_UNBLOCK = 1;
    private const int CLOCK_MONOTONIC = 1;

    // SIGRTMAX: no library that we use has it.
    private const int WakeUp = 64;
    private const ulong SA_RESTART = 0x10000000;
    private const long LookEveryNs = 100_000_000;

    // Calls of a tracee are short; one that undoes something is given its time.
    private static readonly TimeSpan CancelPatience = TimeSpan.FromMilliseconds(250);
    private static readonly Lazy<PosixSignalRegistration> Handler = new(InstallHandler);

    [ThreadStatic]
    private static TraceeWait? s_current;

    private readonly CancellationToken _cancel;
    private readonly TraceeWait? _outer;
    private readonly int _timer;

    private TraceeWait(CancellationToken cancel)
    {
        (_cancel, _outer) = (cancel, s_current);
        _ = Handler.Value;
        ulong mask = 1UL << (WakeUp - 1);
        RawSyscall.Call(SyscallNumber.rt_sigprocmask, "this thread", SIG_UNBLOCK, (nint)(&mask), 0, sizeof(ulong));
        var notify = new SignalEvent
        {
            sigev_signo = WakeUp,
            sigev_notify = SignalEvent.SIGEV_THREAD_ID,
            sigev_notify_thread_id = (int)RawSyscall.Call(SyscallNumber.gettid, "this thread"),
        };
        int timer;
        RawSyscall.Call(SyscallNumber.timer_create, "this thread", CLOCK_MONOTONIC, (nint)(&notify), (nint)(&timer));
        _timer = timer;
        s_current = this;
    }

    /// <summary>All waits of this thread until it is disposed end when <paramref name="cancel"/> says so.</summary>
    public static TraceeWait Enter(CancellationToken cancel) => new(cancel);

    public void Dispose()
    {
        s_current = _outer;
        RawSyscall.Call(SyscallNumber.timer_delete, "this thread's timer", _timer);
    }

    /// <summary>The next stop or end of a tracee or child of this thread.</summary>
    internal static WaitStatus For(int tid) => (s_current ?? Enter(CancellationToken.None)).Next(tid, null)!.Value;

    /// <summary>The same, cancelled or not; null where <paramref name="limit"/> is over before.</summary>
    internal static WaitStatus? For(int tid, TimeSpan limit) => (s_current ?? Enter(CancellationToken.None)).Next(tid, limit);

    private WaitStatus? Next(int tid, TimeSpan? limit)
    {
        long start = Stopwatch.GetTimestamp();
        SetTimer(LookEveryNs);
        try
        {
            while (true)
            {
                int status;
                long result = RawSyscall.Try(SyscallNumber.wait4, tid, (nint)(&status), __WALL);
                if (result == -Errno.ECHILD)
                    return WaitStatus.Gone;
                if (result != -Errno.EINTR)
                {
                    RawSyscall.Check(result, "wait4", $"thread {tid}");
                    return new WaitStatus(status);
                }
                CollectDeadThreads(tid);
                TimeSpan waited = Stopwatch.GetElapsedTime(start);
                if (waited > limit)
                    return Tracer.Poll(tid);
                if (limit is null && waited > CancelPatience)
                    _cancel.ThrowIfCancellationRequested();
            }
        }
        finally
        {
            SetTimer(0);
        }
    }

    /// <summary>Of a process whose leader has ended, takes notice of every other thread that has, so that the leader's end is reported.</summary>
    internal static void CollectDeadThreads(int leader)
    {
        if (ProcStat.TryOf(leader) is not { State: 'Z' or 'X' })
            return;
        foreach (int tid in ProcFolders.TryThreads(leader))
        {
            int status;
            if (tid != leader && ProcStat.TryOf(tid) is { State: 'Z' or 'X' })
                RawSyscall.Try(SyscallNumber.wait4, tid, (nint)(&status), __WALL | WNOHANG);
        }
    }

    private void SetTimer(long periodNs)
    {
        var period = new TimeSpec { tv_nsec = periodNs };
        var spec = new TimerSpec { it_interval = period, it_value = period };
        RawSyscall.Call(SyscallNumber.timer_settime, "this thread's timer", _timer, 0, (nint)(&spec));
    }

    /// <summary>.NET's handler, which does nothing here, without SA_RESTART: wait4 then answers EINTR.</summary>
    private static PosixSignalRegistration InstallHandler()
    {
        var registration = PosixSignalRegistration.Create((PosixSignal)WakeUp, context => context.Cancel = true);
        KernelSigaction action;
        RawSyscall.Call(SyscallNumber.rt_sigaction, "SIGRTMAX", WakeUp, 0, (nint)(&action), sizeof(ulong));
        action.flags &= ~SA_RESTART;
        RawSyscall.Call(SyscallNumber.rt_sigaction, "SIGRTMAX", WakeUp, (nint)(&action), 0, sizeof(ulong));
        return registration;
    }
}
