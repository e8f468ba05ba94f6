using System.Runtime.InteropServices;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Processes;
using ProcMigrate.Linux.Ptrace;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Restore;

/// <summary>
/// A sleep or wait with a time limit, interrupted by the save, keeps its deadline in the kernel (restart_block), where it
/// cannot be put from outside. So the new thread makes the call itself, with what was left of the time, and is interrupted
/// at once: then the kernel holds the same state for it as it held for the old one.
/// </summary>
internal static class TimedCallArmer
{
    private const long NanosecondsPerMillisecond = 1_000_000;

    /// <returns>The registers to continue with.</returns>
    public static UserRegisters Arm(OwnedThread thread, TimedCallRecord timed, UserRegisters registers, RestorerArea area)
    {
        ulong[] a = [registers.rdi, registers.rsi, registers.rdx, registers.r10, registers.r8, registers.r9];
        if (timed.RemainingNs >= 0)
        {
            (int argument, ulong value) = Time((SyscallNumber)timed.Number, timed.RemainingNs, area);
            a[argument] = value;
        }
        thread.Prepare((SyscallNumber)timed.Number, a[0], a[1], a[2], a[3], a[4], a[5]);
        thread.RunToSyscallStop();
        // Inside the call it finds the interruption waiting, and so arms and leaves again.
        Tracer.Interrupt(thread.Tid);
        thread.RunToSyscallStop();
        long result = (long)Tracer.GetRegisters(thread.Tid).rax;
        if (result != -Errno.ERESTART_RESTARTBLOCK)
        {
            // The wait was over meanwhile: its time had run out, or what it waited for was there.
            registers.rax = (ulong)result;
            registers.orig_rax = ulong.MaxValue;
        }
        return registers;
    }

    /// <summary>Which argument of a call is its time, and what it must be.</summary>
    private static (int Argument, ulong Value) Time(SyscallNumber number, long remaining, RestorerArea area) => number switch
    {
        SyscallNumber.nanosleep => (0, TimeSpecOf(remaining, area)),
        SyscallNumber.clock_nanosleep => (2, TimeSpecOf(remaining, area)),
        // Milliseconds; rounded up, since no wait may end early.
        SyscallNumber.poll => (2, (ulong)Math.Min(int.MaxValue, (remaining + NanosecondsPerMillisecond - 1) / NanosecondsPerMillisecond)),
        SyscallNumber.futex => (3, TimeSpecOf(remaining, area)),
        _ => throw RestoreContext.Damaged($"a remaining time for system call {number}"),
    };

    private static ulong TimeSpecOf(long nanoseconds, RestorerArea area) =>
        area.WriteData(0, MemoryMarshal.AsBytes([TimeSpec.FromNanoseconds(nanoseconds)])).Value;
}
