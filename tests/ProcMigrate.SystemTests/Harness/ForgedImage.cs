using System.Buffers.Binary;
using System.Numerics;

namespace ProcMigrate.SystemTests.Harness;

/// <summary>Changes the memory that an image holds, in each process that has any there, with right checksums, as docs/format.md has them.</summary>
internal static class ForgedImage
{
    private const int TrailerSize = 48;
    private const int EntrySize = 48;
    private const int MemoryKind = 2;

    internal static void SetMemory(string path, ulong address, byte value)
    {
        byte[] image = File.ReadAllBytes(path);
        Span<byte> trailer = image.AsSpan(image.Length - TrailerSize);
        Span<byte> index = image.AsSpan((int)BinaryPrimitives.ReadInt64LittleEndian(trailer), (int)BinaryPrimitives.ReadInt64LittleEndian(trailer[8..]));
        int changed = 0;
        for (int at = 0; at < index.Length; at += EntrySize)
        {
            Span<byte> entry = index.Slice(at, EntrySize);
            ulong start = BinaryPrimitives.ReadUInt64LittleEndian(entry[8..]), length = BinaryPrimitives.ReadUInt64LittleEndian(entry[32..]);
            if (BinaryPrimitives.ReadUInt16LittleEndian(entry) != MemoryKind || address < start || address - start >= length)
                continue;
            Span<byte> extent = image.AsSpan((int)BinaryPrimitives.ReadInt64LittleEndian(entry[16..]), (int)length);
            extent[(int)(address - start)] = value;
            BinaryPrimitives.WriteUInt32LittleEndian(entry[40..], Crc32C(extent));
            changed++;
        }
        Assert.NotEqual(0, changed);
        BinaryPrimitives.WriteUInt32LittleEndian(trailer[24..], Crc32C(index));
        BinaryPrimitives.WriteUInt32LittleEndian(trailer[36..], Crc32C(trailer[..36]));
        File.WriteAllBytes(path, image);
    }

    private static uint Crc32C(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte b in bytes)
            crc = BitOperations.Crc32C(crc, b);
        return ~crc;
    }
}
