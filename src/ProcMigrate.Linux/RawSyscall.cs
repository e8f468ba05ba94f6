using System.Runtime.InteropServices;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Linux;

/// <summary>
/// syscall(2). Raw calls rather than libc's wrappers, because most of what the engine needs has none, and because libc
/// alters the structs of some (stat, sigaction, termios).
/// </summary>
public static partial class RawSyscall
{
    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial nint Native(nint number, nint a, nint b, nint c, nint d, nint e, nint f);

    /// <summary>The result, or minus errno.</summary>
    public static long Try(SyscallNumber number, nint a = 0, nint b = 0, nint c = 0, nint d = 0, nint e = 0, nint f = 0)
    {
        nint result = Native((nint)number, a, b, c, d, e, f);
        return result == -1 ? -Marshal.GetLastPInvokeError() : result;
    }

    /// <summary>The result; a failure becomes a <see cref="LinuxException"/> that names <paramref name="target"/>.</summary>
    public static long Call(
        SyscallNumber number, string target, nint a = 0, nint b = 0, nint c = 0, nint d = 0, nint e = 0, nint f = 0) =>
        Check(Try(number, a, b, c, d, e, f), number.ToString(), target);

    /// <summary>Turns minus errno into an exception.</summary>
    public static long Check(long result, string call, string target) =>
        IsError(result) ? throw new LinuxException(call, target, (int)-result) : result;

    /// <summary>Whether the kernel's answer is minus errno.</summary>
    public static bool IsError(long result) => result is < 0 and >= -4095;
}
