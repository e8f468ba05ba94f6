using System.Buffers.Binary;
using ProcMigrate.Image.Storage;

namespace ProcMigrate.Remote.Transfer;

/// <summary>
/// The 16 bytes before every payload, little-endian:
/// <code>
///  0  4  magic "PMF1"
///  4  1  type
///  5  3  zero
///  8  4  length of the payload
/// 12  4  CRC-32C of bytes 0 to 11 and the payload
/// </code>
/// </summary>
internal readonly record struct FrameHeader(FrameType Type, int Length, uint Checksum)
{
    public const int Size = 16;
    public const int MaxData = 1024 * 1024;
    public const int DataOffsetSize = sizeof(long);
    public const int PackedHeadSize = DataOffsetSize + sizeof(int);

    /// <summary>Before the places of a frame of memory: offset, length once packed bytes are unpacked or 0, number of places.</summary>
    public const int MemoryHeadSize = PackedHeadSize + sizeof(int);
    /// <summary>Before the text of an answer: step, id of the offer.</summary>
    public const int AnswerHeadSize = 1 + 16;
    public const int MaxPlaces = 64;
    public const int MaxDataHead = MemoryHeadSize + MaxPlaces * MemoryPlace.Size;

    private const int MaxMessage = 64 * 1024;
    private const int ChecksumOffset = 12;
    private const uint Magic = 0x31464d50; // "PMF1"

    /// <summary>Writes header and checksum in front of the payload.</summary>
    public static void Write(Span<byte> header, FrameType type, ReadOnlySpan<byte> payload)
    {
        Write(header, type, payload, []);
    }

    /// <summary>The same where the payload stands in two places.</summary>
    public static void Write(Span<byte> header, FrameType type, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(header, Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(header[4..], (byte)type);
        BinaryPrimitives.WriteInt32LittleEndian(header[8..], first.Length + second.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(header[ChecksumOffset..], Crc32C.Append(ChecksumOf(header, first), second));
    }

    /// <summary>Reads what a stranger may have written: nothing is believed but what was checked.</summary>
    public static FrameHeader Parse(ReadOnlySpan<byte> header)
    {
        if (BinaryPrimitives.ReadUInt32LittleEndian(header) != Magic)
            throw new FrameException(FrameFault.NotAFrame, "the other side does not speak the transfer's language");
        uint type = BinaryPrimitives.ReadUInt32LittleEndian(header[4..]);
        if (type is < (uint)FrameType.Offer or > (uint)FrameType.Alive)
            throw new FrameException(FrameFault.UnexpectedType, $"a frame of unknown type {type}");
        uint length = BinaryPrimitives.ReadUInt32LittleEndian(header[8..]);
        int limit = (FrameType)type switch
        {
            FrameType.Data or FrameType.Packed => DataOffsetSize + MaxData,
            FrameType.Memory => MaxDataHead + MaxData,
            FrameType.Answer or FrameType.Failed => MaxData,
            _ => MaxMessage,
        };
        if (length > limit)
            throw new FrameException(FrameFault.TooLong, $"a frame of type {(FrameType)type} with {length} bytes, where {limit} is the limit");
        return new FrameHeader((FrameType)type, (int)length, BinaryPrimitives.ReadUInt32LittleEndian(header[ChecksumOffset..]));
    }

    public static uint ChecksumOf(ReadOnlySpan<byte> header, ReadOnlySpan<byte> payload) =>
        Crc32C.Append(Crc32C.Compute(header[..ChecksumOffset]), payload);
}
