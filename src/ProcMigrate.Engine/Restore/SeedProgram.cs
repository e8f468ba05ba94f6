using System.Buffers.Binary;
using ProcMigrate.Engine.Inject.X64;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Restore;

/// <summary>
/// The tiny program that every restored process begins as: one page of code at an address that no process of the image
/// uses, written as an ELF file into a memfd. No compiler, no libc, no file on disk.
/// </summary>
internal static class SeedProgram
{
    private const int HeaderSize = 64;
    private const int ProgramHeaderSize = 56;

    /// <summary>Where in the page the code stands.</summary>
    public const int CodeOffset = 0x100;

    public static Descriptor Create(RemoteAddress address) => Create("procmigrate-seed", address, RestorerCode.Code, RestorerCode.Seed);

    /// <summary>A program of code and data in one, of a page or more, which it may write to.</summary>
    /// <param name="entry">Where in the code it begins.</param>
    public static Descriptor Create(string name, RemoteAddress address, ReadOnlySpan<byte> code, int entry)
    {
        byte[] page = new byte[PageSize.RoundUp((ulong)(CodeOffset + code.Length))];
        WriteHeader(page, address, entry);
        code.CopyTo(page.AsSpan(CodeOffset));
        Descriptor file = MemoryFile.Create(name);
        FileCalls.WriteAt(file, page, 0);
        return file;
    }

    /// <summary>Elf64_Ehdr and one Elf64_Phdr (elf(5)).</summary>
    private static void WriteHeader(Span<byte> page, RemoteAddress address, int entry)
    {
        const int ET_EXEC = 2, EM_X86_64 = 62, PT_LOAD = 1, PF_RWX = 7;
        "\u007fELF\u0002\u0001\u0001"u8.CopyTo(page);
        BinaryPrimitives.WriteUInt16LittleEndian(page[16..], ET_EXEC);
        BinaryPrimitives.WriteUInt16LittleEndian(page[18..], EM_X86_64);
        BinaryPrimitives.WriteUInt32LittleEndian(page[20..], 1);
        BinaryPrimitives.WriteUInt64LittleEndian(page[24..], address.Value + CodeOffset + (ulong)entry);
        BinaryPrimitives.WriteUInt64LittleEndian(page[32..], HeaderSize);
        BinaryPrimitives.WriteUInt16LittleEndian(page[52..], HeaderSize);
        BinaryPrimitives.WriteUInt16LittleEndian(page[54..], ProgramHeaderSize);
        BinaryPrimitives.WriteUInt16LittleEndian(page[56..], 1);
        Span<byte> segment = page[HeaderSize..];
        BinaryPrimitives.WriteUInt32LittleEndian(segment, PT_LOAD);
        BinaryPrimitives.WriteUInt32LittleEndian(segment[4..], PF_RWX);
        BinaryPrimitives.WriteUInt64LittleEndian(segment[16..], address.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(segment[24..], address.Value);
        BinaryPrimitives.WriteUInt64LittleEndian(segment[32..], (ulong)page.Length);
        BinaryPrimitives.WriteUInt64LittleEndian(segment[40..], (ulong)page.Length);
        BinaryPrimitives.WriteUInt64LittleEndian(segment[48..], PageSize.Bytes);
    }
}
