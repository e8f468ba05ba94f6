using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace ProcMigrate.Remote.Transfer;

/// <summary>Writes frames.</summary>
internal sealed class FrameWriter(Stream output)
{
    private readonly Lock gate = new();
    private readonly byte[] frame = new byte[FrameHeader.Size + FrameHeader.DataOffsetSize + FrameHeader.MaxData];

    /// <summary>Where the bytes of the next data frame go, so that they are read straight into it.</summary>
    public Memory<byte> DataBuffer => frame.AsMemory(FrameHeader.Size + FrameHeader.DataOffsetSize);

    /// <summary>Sends the first <paramref name="count"/> bytes of <see cref="DataBuffer"/>.</summary>
    public void WriteData(long offset, int count)
    {
        BinaryPrimitives.WriteInt64LittleEndian(frame.AsSpan(FrameHeader.Size), offset);
        Send(FrameType.Data, FrameHeader.DataOffsetSize + count);
    }

    /// <summary>Sends bytes as they are, without copying them; safe from several threads, as <see cref="WritePacked"/> is.</summary>
    public void WriteRaw(long offset, ReadOnlySpan<byte> data)
    {
        Span<byte> head = stackalloc byte[FrameHeader.Size + FrameHeader.DataOffsetSize];
        BinaryPrimitives.WriteInt64LittleEndian(head[FrameHeader.Size..], offset);
        WriteParts(FrameType.Data, head, data);
    }

    /// <summary>Sends an LZ4 block.</summary>
    public void WritePacked(long offset, int rawLength, ReadOnlySpan<byte> block)
    {
        Span<byte> head = stackalloc byte[FrameHeader.Size + FrameHeader.PackedHeadSize];
        BinaryPrimitives.WriteInt64LittleEndian(head[FrameHeader.Size..], offset);
        BinaryPrimitives.WriteInt32LittleEndian(head[(FrameHeader.Size + FrameHeader.DataOffsetSize)..], rawLength);
        WriteParts(FrameType.Packed, head, block);
    }

    /// <summary>Sends memory.</summary>
    /// <param name="rawLength">Of the bytes before they became an LZ4 block; 0: they are as they were.</param>
    public void WriteMemory(long offset, ReadOnlySpan<MemoryPlace> places, int rawLength, ReadOnlySpan<byte> data)
    {
        Span<byte> head = stackalloc byte[FrameHeader.Size + FrameHeader.MaxDataHead];
        head = head[..(FrameHeader.Size + FrameHeader.MemoryHeadSize + places.Length * MemoryPlace.Size)];
        Span<byte> payload = head[FrameHeader.Size..];
        BinaryPrimitives.WriteInt64LittleEndian(payload, offset);
        BinaryPrimitives.WriteInt32LittleEndian(payload[FrameHeader.DataOffsetSize..], rawLength);
        BinaryPrimitives.WriteInt32LittleEndian(payload[FrameHeader.PackedHeadSize..], places.Length);
        MemoryMarshal.AsBytes(places).CopyTo(payload[FrameHeader.MemoryHeadSize..]);
        WriteParts(FrameType.Memory, head, data);
    }

    /// <summary>Bytes written so far, headers among them.</summary>
    public long BytesWritten { get; private set; }

    private void WriteParts(FrameType type, Span<byte> head, ReadOnlySpan<byte> data)
    {
        FrameHeader.Write(head, type, head[FrameHeader.Size..], data);
        lock (gate)
        {
            output.Write(head);
            output.Write(data);
            output.Flush();
            BytesWritten += head.Length + data.Length;
        }
    }

    /// <summary>An answer of the far side.</summary>
    /// <param name="offer">Id of the offer that it belongs to.</param>
    public void WriteAnswer(FrameType type, FarStep step, Guid offer, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        if (bytes.Length > FrameHeader.MaxData - FrameHeader.AnswerHeadSize)
            throw new FrameException(FrameFault.TooLong, $"an answer of {bytes.Length:N0} bytes, which is more than fits into a frame");
        Span<byte> payload = frame.AsSpan(FrameHeader.Size);
        payload[0] = (byte)step;
        offer.TryWriteBytes(payload[1..]);
        bytes.CopyTo(payload[FrameHeader.AnswerHeadSize..]);
        Send(type, FrameHeader.AnswerHeadSize + bytes.Length);
    }

    public void WriteCommit(Guid tree)
    {
        tree.TryWriteBytes(frame.AsSpan(FrameHeader.Size));
        Send(FrameType.Commit, FrameHeader.AnswerHeadSize - 1);
    }

    public void WriteEnd() => Send(FrameType.End, 0);

    public void WriteAlive() => Send(FrameType.Alive, 0);

    public void WriteMessage<T>(FrameType type, T message, JsonTypeInfo<T> json)
    {
        byte[] text = JsonSerializer.SerializeToUtf8Bytes(message, json);
        text.CopyTo(frame, FrameHeader.Size);
        Send(type, text.Length);
    }

    private void Send(FrameType type, int length)
    {
        FrameHeader.Write(frame, type, frame.AsSpan(FrameHeader.Size, length));
        lock (gate)
        {
            output.Write(frame, 0, FrameHeader.Size + length);
            output.Flush();
            BytesWritten += FrameHeader.Size + length;
        }
    }
}
