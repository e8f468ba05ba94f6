using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Memory;
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
    /// <returns>The registers to continue with.</returns>
    public static UserRegisters Arm(OwnedThread thread, TimedCallRecord timed, UserRegisters registers, RestorerArea area)
    {
        ulong[] a = [registers.rdi, registers.rsi, registers.rdx, registers.r10, registers.r8, registers.r9];
        if (timed.RemainingNs >= 0)
        {
            RemoteAddress time = area.Data;
            ProcessMemory.WriteFast(area.Pid, time, BitConverter.GetBytes(timed.RemainingNs / 1_000_000_000));
            ProcessMemory.WriteFast(area.Pid, time + 8, BitConverter.GetBytes(timed.RemainingNs % 1_000_000_000));
            a[RequestArgument((SyscallNumber)timed.Number)] = time.Value;
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

    private static int RequestArgument(SyscallNumber number) => number switch
    {
        SyscallNumber.nanosleep => 0,
        SyscallNumber.clock_nanosleep => 2,
        _ => throw RestoreContext.Damaged($"a remaining time for system call {number}"),
    };
}
