using System.Runtime.InteropServices;

namespace ProcMigrate.Image.Core;

/// <summary>Elf64_Ehdr.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ElfHeader
{
    /// <summary>e_ident[0..8]: magic, ELFCLASS64, ELFDATA2LSB, EV_CURRENT, ELFOSABI_NONE, read as little-endian.</summary>
    public const ulong Identity64LittleEndian = 0x00_01_01_02_46_4C_45_7F;
    public const ushort TypeCore = 4;
    public const ushort MachineX86_64 = 62;

    /// <summary>PN_XNUM: the number of program headers stands in sh_info of section header 0.</summary>
    public const ushort ManySegments = 0xFFFF;

    public ulong Identity;
    public ulong IdentityPadding;
    public ushort Type;
    public ushort Machine;
    public uint Version;
    public ulong Entry;
    public ulong ProgramHeaderOffset;
    public ulong SectionHeaderOffset;
    public uint Flags;
    public ushort HeaderSize;
    public ushort ProgramHeaderSize;
    public ushort ProgramHeaderCount;
    public ushort SectionHeaderSize;
    public ushort SectionHeaderCount;
    public ushort SectionNameIndex;
}
