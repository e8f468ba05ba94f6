using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using ProcMigrate.Image;
using ProcMigrate.Image.Storage;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Remote.Transfer;

/// <summary>Reads frames from a stream that may end, lie or fall silent at any byte.</summary>
/// <param name="source">What lies below the stream and can be waited for; null: the stream has to do it.</param>
internal sealed class FrameReader(Stream input, SafeHandle? source = null)
{
    private static readonly UTF8Encoding StrictText = new(false, throwOnInvalidBytes: true);
    private static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(100);

    private readonly byte[] header = new byte[FrameHeader.Size];
    private readonly byte[] payload = new byte[FrameHeader.MaxDataHead + FrameHeader.MaxData];
    private byte[]? unpacked;
    private int length;

    /// <summary>How long the stream may be silent; null: as long as it likes.</summary>
    public TimeSpan? Patience { get; set; }

    /// <summary>Ends every wait.</summary>
    public CancellationToken Cancel { get; init; }

    public FrameType Type { get; private set; }

    /// <summary>The payload; valid until the next read.</summary>
    public ReadOnlySpan<byte> Payload => payload.AsSpan(0, length);

    /// <summary>Reads the next frame that says something, and gives its type.</summary>
    public FrameType Read()
    {
        while (ReadNext() == FrameType.Alive)
        {
            if (length != 0)
                throw new FrameException(FrameFault.BadPayload, "a sign of life that says something");
        }
        return Type;
    }

    private FrameType ReadNext()
    {
        Cancel.ThrowIfCancellationRequested();
        ReadExactly(header);
        var parsed = FrameHeader.Parse(header);
        length = parsed.Length;
        ReadExactly(payload.AsMemory(0, length));
        if (FrameHeader.ChecksumOf(header, Payload) != parsed.Checksum)
            throw new FrameException(FrameFault.Damaged, $"a frame of type {parsed.Type} arrived damaged: its checksum differs");
        return Type = parsed.Type;
    }

    /// <summary>Whether the frame carries bytes of an image.</summary>
    public bool IsData => Type is FrameType.Data or FrameType.Packed or FrameType.Memory;

    /// <summary>Of a frame of memory: where its bytes belong, one place after the other. Else empty. Valid until the next read, after <see cref="Data"/>.</summary>
    public ReadOnlySpan<MemoryPlace> Places => Type == FrameType.Memory
        ? MemoryMarshal.Cast<byte, MemoryPlace>(payload.AsSpan(FrameHeader.MemoryHeadSize, PlacesLength()))
        : [];

    /// <summary>The offset and bytes of a data frame, unpacked where they came packed.</summary>
    public ReadOnlySpan<byte> Data(out long offset)
    {
        int head = Type switch
        {
            FrameType.Memory => FrameHeader.MemoryHeadSize,
            FrameType.Packed => FrameHeader.PackedHeadSize,
            _ => FrameHeader.DataOffsetSize,
        };
        if (length < head)
            throw new FrameException(FrameFault.BadPayload, "a data frame without an offset");
        offset = BinaryPrimitives.ReadInt64LittleEndian(payload);
        if (offset < 0)
            throw new FrameException(FrameFault.BadPayload, $"a piece of the image for offset {offset}");
        if (Type == FrameType.Memory)
            return Memory();
        return Type == FrameType.Packed ? Unpack(head) : Payload[head..];
    }

    private ReadOnlySpan<byte> Memory()
    {
        int head = FrameHeader.MemoryHeadSize + PlacesLength();
        ReadOnlySpan<byte> pages = BinaryPrimitives.ReadInt32LittleEndian(payload.AsSpan(FrameHeader.DataOffsetSize)) == 0 ? Payload[head..] : Unpack(head);
        long left = pages.Length;
        foreach (MemoryPlace place in Places)
        {
            if (place.Length <= 0 || place.Length % ImageLimits.PageSize != 0 || place.Address % ImageLimits.PageSize != 0 || place.Length > left)
                throw BadPlaces();
            left -= place.Length;
        }
        return left == 0 ? pages : throw BadPlaces();
    }

    private int PlacesLength()
    {
        int count = BinaryPrimitives.ReadInt32LittleEndian(payload.AsSpan(FrameHeader.PackedHeadSize));
        return count is > 0 and <= FrameHeader.MaxPlaces && FrameHeader.MemoryHeadSize + count * MemoryPlace.Size <= length ? count * MemoryPlace.Size : throw BadPlaces();
    }

    private static FrameException BadPlaces() => new(FrameFault.BadPayload, "a frame of memory that does not say rightly where it belongs");

    private Span<byte> Unpack(int head)
    {
        int rawLength = BinaryPrimitives.ReadInt32LittleEndian(payload.AsSpan(FrameHeader.DataOffsetSize));
        if (rawLength is <= 0 or > FrameHeader.MaxData)
            throw new FrameException(FrameFault.BadPayload, $"a packed frame of {rawLength} bytes");
        unpacked ??= new byte[FrameHeader.MaxData];
        Span<byte> raw = unpacked.AsSpan(0, rawLength);
        return Lz4.TryDecompress(Payload[head..], raw)
            ? raw
            : throw new FrameException(FrameFault.BadPayload, "a packed frame that does not unpack");
    }

    /// <summary>The text of an answer, which must be to this offer and about this step.</summary>
    public string Answer(FarStep step, Guid offer)
    {
        if (length < FrameHeader.AnswerHeadSize)
            throw new FrameException(FrameFault.BadPayload, "an answer that does not say to what");
        if (payload[0] != (byte)step)
            throw new FrameException(FrameFault.BadPayload, $"an answer about {(FarStep)payload[0]} where {step} was due");
        if (new Guid(payload.AsSpan(1, 16)) != offer)
            throw new FrameException(FrameFault.BadPayload, "an answer to something else that was asked");
        try
        {
            return StrictText.GetString(Payload[FrameHeader.AnswerHeadSize..]);
        }
        catch (DecoderFallbackException)
        {
            throw new FrameException(FrameFault.BadPayload, "an answer that is no text");
        }
    }

    /// <summary>The id of the tree that may run.</summary>
    public Guid Committed() => length == 16
        ? new Guid(Payload)
        : throw new FrameException(FrameFault.BadPayload, "the word that a tree may run does not say which");

    public T Message<T>(JsonTypeInfo<T> json)
    {
        try
        {
            return JsonSerializer.Deserialize(Payload, json)
                ?? throw new FrameException(FrameFault.BadPayload, $"a frame of type {Type} says nothing");
        }
        catch (JsonException e)
        {
            throw new FrameException(FrameFault.BadPayload, $"a frame of type {Type} cannot be understood, at {e.Path ?? "its beginning"}");
        }
    }

    public FrameException Unexpected() => new(FrameFault.UnexpectedType, $"a frame of type {Type} where none was expected");

    private void ReadExactly(Memory<byte> target)
    {
        while (!target.IsEmpty)
        {
            int n = ReadSome(target);
            if (n == 0)
                throw new FrameException(FrameFault.Ended, "the other side ended in mid-transfer");
            target = target[n..];
        }
    }

    private int ReadSome(Memory<byte> target)
    {
        if (Patience is not { } patience)
            return input.Read(target.Span);
        // Without a second thread, to which the stream's own waiting would hand over each of the many reads of an image.
        if (source is not null)
        {
            Await(source, patience);
            return ReadNow(target.Span);
        }
        // A blocked read cannot be taken back. It is left behind with its buffer, and the process ends soon after.
        var read = input.ReadAsync(target).AsTask();
        try
        {
            if (!read.Wait(patience, Cancel))
                throw Silent(patience);
        }
        catch (AggregateException e) when (e.InnerException is IOException broken)
        {
            throw Ended(broken);
        }
        return read.Result;
    }

    private void Await(SafeHandle from, TimeSpan patience)
    {
        for (long start = Environment.TickCount64; !Polling.AwaitInput(from, Moment);)
        {
            Cancel.ThrowIfCancellationRequested();
            if (Environment.TickCount64 - start > patience.TotalMilliseconds)
                throw Silent(patience);
        }
    }

    private int ReadNow(Span<byte> target)
    {
        try
        {
            return input.Read(target);
        }
        catch (IOException broken)
        {
            throw Ended(broken);
        }
    }

    private static FrameException Silent(TimeSpan patience) => new(FrameFault.Silent, $"the other side was silent for {patience.TotalSeconds:0} s");

    private static FrameException Ended(IOException broken) => new(FrameFault.Ended, $"the other side ended in mid-transfer: {IoFailure.Describe(broken)}");
}
