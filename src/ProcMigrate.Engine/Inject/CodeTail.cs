using System.Buffers.Binary;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.ProcFs;

namespace ProcMigrate.Engine.Inject;

/// <summary>
/// The rest of the last page behind the code of an ELF file: it is mapped, executable, and belongs to nothing. Only a segment
/// that ends there by its own program header counts.
/// </summary>
internal static class CodeTail
{
    private const int HeaderSize = 64;
    private const int ProgramHeaderSize = 56;
    private const uint PT_LOAD = 1;

    /// <returns>Where the tail of a mapping begins; it ends with the mapping. Null where there is none.</returns>
    public static RemoteAddress? Find(int pid, MemoryMap map)
    {
        if (!map.Execute || map.Shared || !map.HasFile)
            return null;
        try
        {
            using Descriptor file = FileCalls.Open($"/proc/{pid}/map_files/{map.Start.Value:x}-{map.End.Value:x}", OpenFlags.O_RDONLY);
            ulong end = EndOfCode(file, map.Offset, map.Offset + map.Length);
            return end > map.Offset && end < map.Offset + map.Length ? map.Start + (end - map.Offset) : null;
        }
        catch (LinuxException)
        {
            // Not to be opened for us: then another mapping must do.
            return null;
        }
    }

    /// <summary>Offset in the file at which the code segment ends whose pages end at <paramref name="mappedEnd"/>; or 0.</summary>
    private static ulong EndOfCode(Descriptor file, ulong mappedStart, ulong mappedEnd)
    {
        Span<byte> header = stackalloc byte[HeaderSize];
        if (FileCalls.ReadAt(file, header, 0) < HeaderSize || !header.StartsWith("\u007fELF\u0002\u0001"u8))
            return 0;
        long table = BinaryPrimitives.ReadInt64LittleEndian(header[32..]);
        int count = BinaryPrimitives.ReadUInt16LittleEndian(header[56..]);
        byte[] entry = new byte[ProgramHeaderSize];
        for (int i = 0; i < count && FileCalls.ReadAt(file, entry, table + (long)i * ProgramHeaderSize) == ProgramHeaderSize; i++)
        {
            ulong offset = BinaryPrimitives.ReadUInt64LittleEndian(entry.AsSpan(8));
            ulong size = BinaryPrimitives.ReadUInt64LittleEndian(entry.AsSpan(32));
            bool whole = BinaryPrimitives.ReadUInt64LittleEndian(entry.AsSpan(40)) == size;
            if (BinaryPrimitives.ReadUInt32LittleEndian(entry) == PT_LOAD && whole && offset + size > mappedStart
                && PageSize.RoundUp(offset + size) == mappedEnd)
                return offset + size;
        }
        return 0;
    }
}
