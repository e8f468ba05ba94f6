using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace ProcMigrate.Image.Core;

/// <summary>struct elf_prpsinfo of x86-64: the descriptor of NT_PRPSINFO, 136 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ElfProcessInfo
{
    public byte State;
    public byte StateLetter;
    public byte Zombie;
    public sbyte Nice;
    public ulong Flags;
    public uint Uid;
    public uint Gid;
    public int Pid;
    public int ParentPid;
    public int GroupId;
    public int SessionId;
    public ElfCommandName Name;
    public ElfArguments Arguments;
}

/// <summary>pr_fname, NUL-terminated.</summary>
[InlineArray(Length)]
internal struct ElfCommandName
{
    public const int Length = 16;
    private byte first;
}

/// <summary>pr_psargs, NUL-terminated.</summary>
[InlineArray(Length)]
internal struct ElfArguments
{
    public const int Length = 80;
    private byte first;
}
