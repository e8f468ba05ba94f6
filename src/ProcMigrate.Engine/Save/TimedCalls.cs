using System.Globalization;
using ProcMigrate.Engine.Freeze;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Processes;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Save;

/// <summary>
/// A call that was interrupted with ERESTART_RESTARTBLOCK keeps its deadline in the kernel's task struct, where nothing
/// shows it from outside. What was left is found where the kernel wrote it out for the program, else reckoned from when the thread
/// fell asleep; where neither can be, the call's own argument must do: the program may then wait longer than it asked, but never shorter.
/// </summary>
internal static class TimedCalls
{
    private const long NanosecondsPerSecond = 1_000_000_000;
    private const long NanosecondsPerMillisecond = 1_000_000;
    private const long Unknown = -1;
    private const long NoticeableDelay = NanosecondsPerSecond;

    public static TimedCallRecord? Describe(TracedProcess process, TracedThread thread, SaveContext context)
    {
        UserRegisters registers = thread.Registers;
        if (thread.StartsAgain is { } again)
            WarnOfFullTime(again, process, thread, context);
        if (!InterruptedCall.IsTimed(registers))
            return null;
        var number = (SyscallNumber)registers.orig_rax;
        if (number == SyscallNumber.restart_syscall)
        {
            if ((thread.Wait?.Hidden ?? CallSite.Find(process.Memory, registers)) is not { } found)
            {
                context.Block(new Blocker(
                    "UnknownTimedCall", process.Pid, null, $"thread {thread.Tid}",
                    "it waits in restart_syscall(2), after having been stopped and continued, and its code does not show for what",
                    "try again: once the wait is over, the next one is known"));
                return null;
            }
            number = found;
        }
        ulong remaining = number switch
        {
            SyscallNumber.nanosleep => registers.rsi,
            SyscallNumber.clock_nanosleep => registers.r10,
            _ => 0,
        };
        // do_nanosleep (kernel/time/hrtimer.c) has copied out what was left when our stop interrupted it.
        return new TimedCallRecord((int)number, remaining == 0 ? Reckon(number, process, thread, context) : Time(process, remaining));
    }

    private static long Reckon(SyscallNumber number, TracedProcess process, TracedThread thread, SaveContext context)
    {
        long full = RelativeTime(number, process, thread.Registers);
        if (full < 0)
            return Unknown;
        bool hidden = InterruptedCall.Number(thread.Registers) == SyscallNumber.restart_syscall;
        // In no call a moment ago: then it waits since just now.
        if (thread.Wait is null && !hidden)
            return Unknown;
        if (thread.Wait?.IsCoarse is true && full >= NoticeableDelay)
        {
            context.WarnOnce(
                "very many threads wait in calls that were interrupted before (by a save, a restore or a stop): of some, the time counts from then, and they wait longer than they asked");
        }
        if (thread.Wait?.Left(full, context.Shared(() => new SchedulerClock())) is { } left)
            return left;
        if (full >= NoticeableDelay)
        {
            context.WarnOnce(
                $"thread {thread.Tid} waits in {number}, and since when {(hidden ? "cannot be told" : "this kernel does not tell (/proc/TID/sched)")}: restored, it waits its full time once more");
        }
        return Unknown;
    }

    /// <summary>
    /// Such a call keeps no deadline, and takes its time from the program's own registers and memory, which may serve it again: so it is
    /// made with its full time. Where that is a delay that somebody may notice, it is told.
    /// </summary>
    private static void WarnOfFullTime(SyscallNumber number, TracedProcess process, TracedThread thread, SaveContext context)
    {
        long full = RelativeTime(number, process, thread.Registers);
        if (full < NoticeableDelay || thread.Wait?.Left(full, context.Shared(() => new SchedulerClock())) is not { } left || full - left < NoticeableDelay)
            return;
        context.WarnOnce(string.Create(
            CultureInfo.InvariantCulture,
            $"thread {thread.Tid} had waited {(full - left) / NanosecondsPerSecond} s in {number}, and waits its full {full / NanosecondsPerSecond} s once more: this call cannot go on with a part of its time"));
    }

    /// <returns>Less than 0 where the call has an absolute time, which holds as it is.</returns>
    private static long RelativeTime(SyscallNumber number, TracedProcess process, in UserRegisters registers) => number switch
    {
        SyscallNumber.nanosleep => Time(process, registers.rdi),
        SyscallNumber.clock_nanosleep => Time(process, registers.rdx),
        SyscallNumber.poll => Math.Max(Unknown, (int)registers.rdx) * NanosecondsPerMillisecond,
        SyscallNumber.futex when CallSite.IsRelativeFutex(registers.rsi) => Time(process, registers.r10),
        SyscallNumber.epoll_wait or SyscallNumber.epoll_pwait => Math.Max(Unknown, (int)registers.r10) * NanosecondsPerMillisecond,
        SyscallNumber.epoll_pwait2 or SyscallNumber.semtimedop => Time(process, registers.r10),
        SyscallNumber.rt_sigtimedwait => Time(process, registers.rdx),
        SyscallNumber.io_getevents or SyscallNumber.io_pgetevents => Time(process, registers.r8),
        _ => Unknown,
    };

    /// <summary>What is written there is the program's memory: another thread may have put something else over it, or unmapped it.</summary>
    private static long Time(TracedProcess process, ulong address)
    {
        try
        {
            return process.Memory.Read<TimeSpec>(new RemoteAddress(address)) is { tv_sec: >= 0 and < long.MaxValue / NanosecondsPerSecond, tv_nsec: >= 0 and < NanosecondsPerSecond } time
                ? time.TotalNanoseconds
                : Unknown;
        }
        catch (LinuxException)
        {
            return Unknown;
        }
    }
}
