using System.Buffers.Binary;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Kinds;

/// <summary>The GNU build id of an ELF file: what its linker hashed, whatever the file's times.</summary>
internal static class ElfBuildId
{
    private const int HeaderSize = 64;
    private const int ProgramHeaderSize = 56;
    private const int MaxProgramHeaders = 256;
    private const int MaxNotes = 64 * 1024;
    private const uint PT_NOTE = 4;
    private const uint NT_GNU_BUILD_ID = 3;

    /// <returns>In hexadecimal; null where the file is no ELF file, has none, or cannot be read.</returns>
    public static string? TryRead(string path, in FileStatus status)
    {
        if (status.Type != FileType.Regular || status.Size < HeaderSize)
            return null;
        try
        {
            using Descriptor file = FileCalls.Open(path, OpenFlags.O_RDONLY);
            return Read(file);
        }
        catch (LinuxException)
        {
            // Unreadable for us: then size and time must do.
            return null;
        }
    }

    private static string? Read(Descriptor file)
    {
        Span<byte> header = stackalloc byte[HeaderSize];
        if (FileCalls.ReadAt(file, header, 0) < HeaderSize || !header.StartsWith("\u007fELF\u0002\u0001"u8))
            return null;
        long table = BinaryPrimitives.ReadInt64LittleEndian(header[32..]);
        int count = BinaryPrimitives.ReadUInt16LittleEndian(header[56..]);
        if (table < 0 || count > MaxProgramHeaders)
            return null;
        byte[] entry = new byte[ProgramHeaderSize];
        for (int i = 0; i < count; i++)
        {
            if (FileCalls.ReadAt(file, entry, table + (long)i * ProgramHeaderSize) < ProgramHeaderSize)
                return null;
            long offset = BinaryPrimitives.ReadInt64LittleEndian(entry.AsSpan(8));
            long size = BinaryPrimitives.ReadInt64LittleEndian(entry.AsSpan(32));
            if (BinaryPrimitives.ReadUInt32LittleEndian(entry) != PT_NOTE || offset < 0 || size is < 0 or > MaxNotes)
                continue;
            byte[] notes = new byte[size];
            int length = FileCalls.ReadAt(file, notes, offset);
            if (FindBuildId(notes.AsSpan(0, length)) is { } id)
                return id;
        }
        return null;
    }

    private static string? FindBuildId(ReadOnlySpan<byte> notes)
    {
        const int NoteHeader = 12;
        while (notes.Length >= NoteHeader)
        {
            uint nameSize = BinaryPrimitives.ReadUInt32LittleEndian(notes);
            uint dataSize = BinaryPrimitives.ReadUInt32LittleEndian(notes[4..]);
            uint type = BinaryPrimitives.ReadUInt32LittleEndian(notes[8..]);
            ulong data = NoteHeader + Align(nameSize);
            ulong next = data + Align(dataSize);
            if (data + dataSize > (ulong)notes.Length)
                return null;
            if (type == NT_GNU_BUILD_ID && notes[NoteHeader..].StartsWith("GNU\0"u8))
                return Convert.ToHexStringLower(notes.Slice((int)data, (int)dataSize));
            notes = next >= (ulong)notes.Length ? default : notes[(int)next..];
        }
        return null;
    }

    private static ulong Align(uint size) => ((ulong)size + 3) & ~3UL;
}
