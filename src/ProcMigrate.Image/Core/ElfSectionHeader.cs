using System.Runtime.InteropServices;

namespace ProcMigrate.Image.Core;

/// <summary>Elf64_Shdr; only number 0 is ever written, to carry counts too large for the ELF header.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ElfSectionHeader
{
    public uint Name;
    public uint Type;
    public ulong Flags;
    public ulong Address;
    public ulong Offset;
    public ulong Size;
    public uint Link;
    public uint Info;
    public ulong Alignment;
    public ulong EntrySize;
}
