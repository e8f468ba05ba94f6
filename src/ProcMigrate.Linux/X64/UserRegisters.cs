using System.Runtime.InteropServices;

namespace ProcMigrate.Linux.X64;

/// <summary>struct user_regs_struct (sys/user.h): what NT_PRSTATUS gives by PTRACE_GETREGSET.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct UserRegisters
{
    public ulong r15;
    public ulong r14;
    public ulong r13;
    public ulong r12;
    public ulong rbp;
    public ulong rbx;
    public ulong r11;
    public ulong r10;
    public ulong r9;
    public ulong r8;
    public ulong rax;
    public ulong rcx;
    public ulong rdx;
    public ulong rsi;
    public ulong rdi;
    public ulong orig_rax;
    public ulong rip;
    public ulong cs;
    public ulong eflags;
    public ulong rsp;
    public ulong ss;
    public ulong fs_base;
    public ulong gs_base;
    public ulong ds;
    public ulong es;
    public ulong fs;
    public ulong gs;

    /// <summary>Code segment of a 64-bit program; 0x23 is a 32-bit one.</summary>
    public const ulong Code64 = 0x33;

    public readonly byte[] ToBytes()
    {
        var bytes = new byte[Marshal.SizeOf<UserRegisters>()];
        MemoryMarshal.Write(bytes, in this);
        return bytes;
    }

    public static UserRegisters FromBytes(ReadOnlySpan<byte> bytes) => MemoryMarshal.Read<UserRegisters>(bytes);
}
