using System.Globalization;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Memory;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Freeze;

/// <summary>
/// Which call a thread in restart_syscall(2) is really in. Once a timed call has been interrupted and continued (by SIGSTOP
/// and SIGCONT, say), its number is gone from the registers, and only the kernel knows what it goes on with. But the
/// arguments are still there, and so is the instruction that loaded the number before the syscall instruction.
/// </summary>
internal static class CallSite
{
    private const int SyscallInstructionLength = 2;
    private const int Window = 64;
    private const ulong FutexCommands = 0x7f;
    private const ulong FUTEX_WAIT = 0;

    private static readonly SyscallNumber[] Timed =
        [SyscallNumber.nanosleep, SyscallNumber.clock_nanosleep, SyscallNumber.poll, SyscallNumber.futex];

    /// <summary>From the kernel function that a thread in restart_syscall, still running, waits in (/proc/TID/wchan), which must be asked before it is stopped.</summary>
    public static SyscallNumber FindWaiting(int tid, string first) => Waiting(FileCalls.ReadText($"/proc/{tid}/wchan"), first);

    /// <param name="function">As wchan has it. Which of the functions below a call it names is the compiler's choice: do_sys_poll on one kernel, poll_schedule_timeout on another.</param>
    /// <param name="first">The first argument of the call, as /proc/TID/syscall has it.</param>
    public static SyscallNumber Waiting(string function, string first)
    {
        if (function.Contains("poll", StringComparison.Ordinal))
            return SyscallNumber.poll;
        if (function.Contains("futex", StringComparison.Ordinal))
            return SyscallNumber.futex;
        // What is left are the sleeps. The first argument of one is a clock, a small number; of the other an address.
        return ulong.Parse(first.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture) < PageSize.Bytes
            ? SyscallNumber.clock_nanosleep
            : SyscallNumber.nanosleep;
    }

    /// <summary>Only this command of futex(2) takes a relative time.</summary>
    public static bool IsRelativeFutex(ulong operation) => (operation & FutexCommands) == FUTEX_WAIT;

    /// <returns>The call, or null where the code before the instruction does not tell.</returns>
    public static SyscallNumber? Find(ProcessMemory memory, in UserRegisters registers)
    {
        // mov eax, imm32 is b8 and four bytes. Compilers may put loads of arguments between it and the syscall, so the
        // nearest one that loads the number of a timed call counts.
        RemoteAddress end = new(registers.rip - SyscallInstructionLength);
        RemoteAddress start = new(Math.Max(end.Value - Window, PageSize.RoundDown(end.Value)));
        byte[] code = memory.Read(start, (int)(end - start));
        for (int at = code.Length - 5; at >= 0; at--)
        {
            if (code[at] == 0xb8 && !LoadsR8(code, at) && Array.IndexOf(Timed, (SyscallNumber)BitConverter.ToInt32(code, at + 1)) is >= 0 and var index)
                return Timed[index];
        }
        return null;
    }

    /// <summary>Behind a REX prefix with its B bit the same byte is mov r8d, imm32.</summary>
    private static bool LoadsR8(byte[] code, int at) => at > 0 && (code[at - 1] & 0xf1) == 0x41;
}
