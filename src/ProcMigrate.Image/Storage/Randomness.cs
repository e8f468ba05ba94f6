using System.Runtime.InteropServices;

namespace ProcMigrate.Image.Storage;

/// <summary>
/// Bytes that nobody can guess, from getrandom(2). Not from .NET's RandomNumberGenerator: that loads OpenSSL, from where an environment
/// variable says, also in a program whose file gives it capabilities; so whoever may start the program would run code with them.
/// </summary>
internal static partial class Randomness
{
    /// <summary>Up to this many come at once or not at all (getrandom(2)).</summary>
    private const int AtOnce = 256;

    [LibraryImport("libc", EntryPoint = "getrandom", SetLastError = true)]
    private static unsafe partial nint GetRandomRaw(byte* data, nuint length, uint flags);

    /// <summary>Random bytes, two hexadecimal digits each.</summary>
    public static unsafe string Hex(int bytes)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes, AtOnce);
        Span<byte> data = stackalloc byte[bytes];
        nint got;
        // Before the kernel has entropy the call waits, and a signal may end that.
        fixed (byte* p = data)
        {
            do got = GetRandomRaw(p, (nuint)bytes, 0);
            while (got < 0 && Marshal.GetLastPInvokeError() == Posix.EINTR);
        }
        if (got != bytes)
            throw new IOException($"the kernel gives no random bytes: getrandom: {Posix.Describe(Marshal.GetLastPInvokeError())}");
        return Convert.ToHexStringLower(data);
    }
}
