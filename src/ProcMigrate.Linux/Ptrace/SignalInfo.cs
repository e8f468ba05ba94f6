using System.Runtime.InteropServices;

namespace ProcMigrate.Linux.Ptrace;

/// <summary>siginfo_t: the head common to all signals; the union behind it is carried as bytes.</summary>
[StructLayout(LayoutKind.Sequential, Size = Size)]
public struct SignalInfo
{
    public const int Size = 128;

    public int si_signo;
    public int si_errno;
    public int si_code;

    public static SignalInfo FromBytes(ReadOnlySpan<byte> bytes) => MemoryMarshal.Read<SignalInfo>(bytes);
}
