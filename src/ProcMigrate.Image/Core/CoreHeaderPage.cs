using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace ProcMigrate.Image.Core;

/// <summary>The first page of a core: ELF header, section header 0 where it is needed, and a line that tells an image from other cores.</summary>
internal static class CoreHeaderPage
{
    /// <summary>Where <see cref="Marker"/> stands, behind the ELF header and the section header.</summary>
    public const int MarkerOffset = 128;

    /// <summary>Tells an image that lost its end from a file that never was one.</summary>
    public static ReadOnlySpan<byte> Marker => "ProcMigrate image\n"u8;

    /// <summary>Builds the page; <paramref name="segments"/> counts the PT_NOTE too, offsets are relative to the page.</summary>
    public static byte[] Build(long programHeaderOffset, int segments)
    {
        var page = new byte[ImageLimits.PageSize];
        var many = segments >= ElfHeader.ManySegments;
        var header = new ElfHeader
        {
            Identity = ElfHeader.Identity64LittleEndian,
            Type = ElfHeader.TypeCore,
            Machine = ElfHeader.MachineX86_64,
            Version = 1,
            ProgramHeaderOffset = (ulong)programHeaderOffset,
            HeaderSize = (ushort)Unsafe.SizeOf<ElfHeader>(),
            ProgramHeaderSize = (ushort)Unsafe.SizeOf<ElfProgramHeader>(),
            ProgramHeaderCount = many ? ElfHeader.ManySegments : (ushort)segments,
        };
        if (many)
        {
            header.SectionHeaderOffset = header.HeaderSize;
            header.SectionHeaderSize = (ushort)Unsafe.SizeOf<ElfSectionHeader>();
            header.SectionHeaderCount = 1;
            MemoryMarshal.Write(page.AsSpan(header.HeaderSize), new ElfSectionHeader { Size = 1, Info = (uint)segments });
        }
        MemoryMarshal.Write(page, header);
        Marker.CopyTo(page.AsSpan(MarkerOffset));
        return page;
    }
}
