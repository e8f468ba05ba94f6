using System.Runtime.InteropServices;

namespace ProcMigrate.Linux.Terminals;

/// <summary>struct termios2 of the kernel (asm-generic/termbits.h), which libc's struct termios is not.</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct Termios2
{
    public const int ControlCharacters = 19;

    public uint c_iflag;
    public uint c_oflag;
    public uint c_cflag;
    public uint c_lflag;
    public byte c_line;
    public fixed byte c_cc[ControlCharacters];
    public uint c_ispeed;
    public uint c_ospeed;
}
