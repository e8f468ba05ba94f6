using System.Buffers;
using ProcMigrate.Image;
using ProcMigrate.Image.Storage;

namespace ProcMigrate.Remote.Transfer;

/// <summary>
/// An image that goes over the connection while it is written, and is nowhere whole on this side. Large pieces are packed by the
/// threads that bring them; small ones are put together first, or a frame a page would cost more than the page.
/// </summary>
internal sealed class FrameSink(FrameWriter writer, Packing packing, string path, Func<Exception> lost) : ImageSink
{
    private const int Small = 64 << 10;
    private const int WorthPacking = 95;

    private readonly Lock gate = new();
    private readonly byte[] pending = new byte[256 << 10];
    private long pendingOffset;
    private int pendingLength;

    public override string Path => path;

    public override void Write(ReadOnlySpan<byte> data, long offset)
    {
        if (data.Length <= Small)
        {
            lock (gate)
                Gather(data, offset);
            return;
        }
        while (!data.IsEmpty)
        {
            ReadOnlySpan<byte> part = data[..Math.Min(data.Length, FrameHeader.MaxData)];
            Send(part, offset);
            data = data[part.Length..];
            offset += part.Length;
        }
    }

    public override void Publish()
    {
        lock (gate)
            FlushPending();
        Guarded(writer.WriteEnd);
    }

    private void Gather(ReadOnlySpan<byte> data, long offset)
    {
        // Between two extents of an image stand zeros, less than a page of them.
        long gap = offset - (pendingOffset + pendingLength);
        if (gap is < 0 or >= ImageLimits.PageSize || pendingLength + gap + data.Length > pending.Length)
        {
            FlushPending();
            (pendingOffset, gap) = (offset, 0);
        }
        pending.AsSpan(pendingLength, (int)gap).Clear();
        data.CopyTo(pending.AsSpan(pendingLength + (int)gap));
        pendingLength += (int)gap + data.Length;
    }

    private void FlushPending()
    {
        if (pendingLength > 0)
            Send(pending.AsSpan(0, pendingLength), pendingOffset);
        pendingLength = 0;
    }

    private void Send(ReadOnlySpan<byte> data, long offset)
    {
        bool packed = packing.Packs && TrySendPacked(data, offset);
        if (!packed)
        {
            try
            {
                writer.WriteRaw(offset, data);
            }
            catch (Exception e) when (e is IOException or ObjectDisposedException)
            {
                throw lost();
            }
        }
        packing.Sent(data.Length, packed);
    }

    private bool TrySendPacked(ReadOnlySpan<byte> data, long offset)
    {
        // One that does not fit is not worth it.
        byte[] block = ArrayPool<byte>.Shared.Rent(FrameHeader.MaxData);
        try
        {
            int length = Lz4.Compress(data, block.AsSpan(0, (int)((long)data.Length * WorthPacking / 100)));
            if (length > 0)
                writer.WritePacked(offset, data.Length, block.AsSpan(0, length));
            return length > 0;
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            throw lost();
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(block);
        }
    }

    private void Guarded(Action write)
    {
        try
        {
            write();
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            throw lost();
        }
    }
}
