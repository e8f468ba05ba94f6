using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Freeze;

/// <summary>What becomes of a system call that a stop interrupted, read from the registers (x86-64).</summary>
internal static class InterruptedCall
{
    private const int SyscallInstructionLength = 2;

    /// <summary>
    /// Calls that answer EINTR rather than ERESTART to a wake-up without a handler (signal(7)); of sockets those with a time limit
    /// (SO_RCVTIMEO, SO_SNDTIMEO: sock_intr_errno in include/net/sock.h). Each has done nothing yet when it does, so that
    /// making it again is right; close(2), which has closed even then, must never be here.
    /// </summary>
    private static readonly HashSet<SyscallNumber> AnswerEintr =
    [
        SyscallNumber.epoll_wait, SyscallNumber.epoll_pwait, SyscallNumber.epoll_pwait2, SyscallNumber.semop,
        SyscallNumber.semtimedop, SyscallNumber.rt_sigtimedwait, SyscallNumber.io_getevents, SyscallNumber.io_pgetevents,
        SyscallNumber.read, SyscallNumber.readv, SyscallNumber.write, SyscallNumber.writev, SyscallNumber.recvfrom,
        SyscallNumber.recvmsg, SyscallNumber.recvmmsg, SyscallNumber.sendto, SyscallNumber.sendmsg, SyscallNumber.sendmmsg,
        SyscallNumber.sendfile, SyscallNumber.splice, SyscallNumber.accept, SyscallNumber.accept4, SyscallNumber.connect,
        SyscallNumber.ioctl, SyscallNumber.fallocate, SyscallNumber.io_uring_enter,
    ];

    /// <summary>The call's number, or null where the thread was not stopped on the way out of one.</summary>
    public static SyscallNumber? Number(in UserRegisters registers) =>
        (long)registers.orig_rax >= 0 ? (SyscallNumber)registers.orig_rax : null;

    public static bool IsSpurious(in UserRegisters registers) =>
        Number(registers) is { } number && (long)registers.rax == -Errno.EINTR && AnswerEintr.Contains(number);

    /// <summary>
    /// Whether a thread that still runs is waiting in such a call now (/proc/TID/syscall; "running" where in none), or for another reason is to be
    /// stopped by itself.
    /// </summary>
    public static bool IsDelicate(int tid, TimerWatch timers)
    {
        try
        {
            string text = FileCalls.ReadText($"/proc/{tid}/syscall");
            return int.TryParse(text.AsSpan(0, Math.Max(text.IndexOf(' ', StringComparison.Ordinal), 0)), out int number)
                && (AnswerEintr.Contains((SyscallNumber)number) || timers.HasRoom && WaitStart.WantsQuiet(tid, text) && timers.TryTake(tid));
        }
        catch (LinuxException)
        {
            // Gone, or not to be read: then it is stopped like all others.
            return false;
        }
    }

    public static bool IsTimed(in UserRegisters registers) =>
        Number(registers) is not null && (long)registers.rax == -Errno.ERESTART_RESTARTBLOCK;

    /// <summary>Registers that make the call from the beginning.</summary>
    public static UserRegisters StartAgain(UserRegisters registers)
    {
        registers.rax = registers.orig_rax;
        registers.rip -= SyscallInstructionLength;
        registers.orig_rax = ulong.MaxValue;
        return registers;
    }

    /// <summary>
    /// Registers with which the thread goes on as the kernel would let it where no signal is pending
    /// (arch_do_signal_or_restart in arch/x86/kernel/signal.c).
    /// </summary>
    public static UserRegisters Resolve(UserRegisters registers)
    {
        if (Number(registers) is null)
            return registers;
        switch (-(long)registers.rax)
        {
            case Errno.ERESTARTSYS:
            case Errno.ERESTARTNOINTR:
            case Errno.ERESTARTNOHAND:
                return StartAgain(registers);
            case Errno.ERESTART_RESTARTBLOCK:
                registers = StartAgain(registers);
                registers.rax = (ulong)SyscallNumber.restart_syscall;
                return registers;
            default:
                registers.orig_rax = ulong.MaxValue;
                return registers;
        }
    }
}
