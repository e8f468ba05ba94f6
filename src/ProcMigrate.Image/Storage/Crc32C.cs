using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;

namespace ProcMigrate.Image.Storage;

/// <summary>
/// CRC-32C (RFC 3720) by the processor's instruction. One chain of it waits three cycles a step, so three lanes run side by side
/// and are joined: the register is a linear function of its start value, and a table advances it over a lane of zeros.
/// </summary>
internal static class Crc32C
{
    /// <summary>Words of a lane: three lanes and two words make a page.</summary>
    private const int LaneWords = 170;
    private const int LaneBytes = LaneWords * sizeof(ulong);

    private static readonly uint[] AdvanceTable = BuildAdvanceTable();

    public static uint Compute(ReadOnlySpan<byte> data) => Append(0, data);

    /// <summary>Continues <paramref name="crc"/>, the checksum of what came before, with <paramref name="data"/>.</summary>
    public static uint Append(uint crc, ReadOnlySpan<byte> data)
    {
        var register = ~crc;
        while (data.Length >= 3 * LaneBytes)
        {
            register = ThreeLanes(register, MemoryMarshal.Cast<byte, ulong>(data[..(3 * LaneBytes)]));
            data = data[(3 * LaneBytes)..];
        }
        while (data.Length >= sizeof(ulong))
        {
            register = BitOperations.Crc32C(register, BinaryPrimitives.ReadUInt64LittleEndian(data));
            data = data[sizeof(ulong)..];
        }
        foreach (var value in data) register = BitOperations.Crc32C(register, value);
        return ~register;
    }

    private static uint ThreeLanes(uint register, ReadOnlySpan<ulong> words)
    {
        var first = words[..LaneWords];
        var second = words.Slice(LaneWords, LaneWords);
        var third = words.Slice(2 * LaneWords, LaneWords);
        uint a = register, b = 0, c = 0;
        for (var i = 0; i < first.Length; i++)
        {
            a = BitOperations.Crc32C(a, first[i]);
            b = BitOperations.Crc32C(b, second[i]);
            c = BitOperations.Crc32C(c, third[i]);
        }
        return Advance(Advance(a) ^ b) ^ c;
    }

    /// <summary>The register after a lane of zeros.</summary>
    private static uint Advance(uint register)
    {
        var table = AdvanceTable;
        return table[register & 0xFF]
            ^ table[256 + ((register >> 8) & 0xFF)]
            ^ table[512 + ((register >> 16) & 0xFF)]
            ^ table[768 + (register >> 24)];
    }

    private static uint[] BuildAdvanceTable()
    {
        var table = new uint[4 * 256];
        for (var bit = 0; bit < 32; bit++)
        {
            var register = 1u << bit;
            for (var i = 0; i < LaneWords; i++) register = BitOperations.Crc32C(register, 0UL);
            var row = bit / 8 * 256;
            var mask = 1 << (bit % 8);
            for (var value = 0; value < 256; value++)
                if ((value & mask) != 0) table[row + value] ^= register;
        }
        return table;
    }
}
