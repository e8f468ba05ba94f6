using ProcMigrate.Engine.Freeze;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Processes;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Save;

/// <summary>
/// A call that was interrupted with ERESTART_RESTARTBLOCK keeps its deadline in the kernel's task struct, where nothing
/// shows it from outside. What was left is found where the kernel wrote it out for the program, else the call's own
/// argument must do: the program may then wait longer than it asked, which these calls allow, but never shorter.
/// </summary>
internal static class TimedCalls
{
    private const long NanosecondsPerSecond = 1_000_000_000;

    public static TimedCallRecord? Describe(TracedProcess process, TracedThread thread, SaveContext context)
    {
        UserRegisters registers = thread.Registers;
        if (!InterruptedCall.IsTimed(registers))
            return null;
        var number = (SyscallNumber)registers.orig_rax;
        if (number == SyscallNumber.restart_syscall)
        {
            if ((thread.WaitsFor ?? CallSite.Find(process.Memory, registers)) is not { } found)
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
        return new TimedCallRecord((int)number, remaining == 0 ? -1 : Left(process.Memory.Read<TimeSpec>(new RemoteAddress(remaining))));
    }

    /// <summary>What is written there is the program's memory: another thread may have put something else over it.</summary>
    private static long Left(TimeSpec time) =>
        time is { tv_sec: >= 0 and < long.MaxValue / NanosecondsPerSecond, tv_nsec: >= 0 and < NanosecondsPerSecond } ? time.TotalNanoseconds : -1;
}
