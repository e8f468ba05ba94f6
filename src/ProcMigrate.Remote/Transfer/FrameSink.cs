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
    private readonly MemoryPlace[] pendingPlaces = new MemoryPlace[FrameHeader.MaxPlaces];
    private long pendingOffset;
    private int pendingLength;
    private int pendingPlaceCount;

    public override string Path => path;

    public override void Write(ReadOnlySpan<byte> data, long offset) => Take(data, offset, null);

    public override void WriteMemory(int pid, ulong address, ReadOnlySpan<byte> pages, long offset) =>
        Take(pages, offset, new MemoryPlace(address, pid, pages.Length));

    private void Take(ReadOnlySpan<byte> data, long offset, MemoryPlace? place)
    {
        if (data.Length <= Small)
        {
            lock (gate)
                Gather(data, offset, place);
            return;
        }
        for (int at = 0; at < data.Length; at += FrameHeader.MaxData)
        {
            ReadOnlySpan<byte> part = data.Slice(at, Math.Min(data.Length - at, FrameHeader.MaxData));
            Send(part, offset + at, place is { } whole ? [whole with { Address = whole.Address + (ulong)at, Length = part.Length }] : []);
        }
    }

    public override void Publish()
    {
        lock (gate)
            FlushPending();
        Guarded(writer.WriteEnd);
    }

    private void Gather(ReadOnlySpan<byte> data, long offset, MemoryPlace? place)
    {
        // Between two extents of an image stand zeros, less than a page of them.
        long gap = offset - (pendingOffset + pendingLength);
        bool isMemory = pendingPlaceCount > 0;
        if (gap < 0 || gap >= (isMemory ? 1 : ImageLimits.PageSize) || pendingLength + gap + data.Length > pending.Length
            || isMemory != place.HasValue || pendingPlaceCount == pendingPlaces.Length)
        {
            FlushPending();
            (pendingOffset, gap) = (offset, 0);
        }
        pending.AsSpan(pendingLength, (int)gap).Clear();
        data.CopyTo(pending.AsSpan(pendingLength + (int)gap));
        pendingLength += (int)gap + data.Length;
        if (place is { } known)
            pendingPlaces[pendingPlaceCount++] = known;
    }

    private void FlushPending()
    {
        if (pendingLength > 0)
            Send(pending.AsSpan(0, pendingLength), pendingOffset, pendingPlaces.AsSpan(0, pendingPlaceCount));
        (pendingLength, pendingPlaceCount) = (0, 0);
    }

    private void Send(ReadOnlySpan<byte> data, long offset, ReadOnlySpan<MemoryPlace> places)
    {
        bool packed = packing.Packs && TrySendPacked(data, offset, places);
        if (!packed)
        {
            try
            {
                if (places.IsEmpty)
                    writer.WriteRaw(offset, data);
                else
                    writer.WriteMemory(offset, places, 0, data);
            }
            catch (Exception e) when (e is IOException or ObjectDisposedException)
            {
                throw lost();
            }
        }
        packing.Sent(data.Length, packed);
    }

    private bool TrySendPacked(ReadOnlySpan<byte> data, long offset, ReadOnlySpan<MemoryPlace> places)
    {
        // One that does not fit is not worth it.
        byte[] block = ArrayPool<byte>.Shared.Rent(FrameHeader.MaxData);
        try
        {
            int length = Lz4.Compress(data, block.AsSpan(0, (int)((long)data.Length * WorthPacking / 100)));
            if (length > 0 && places.IsEmpty)
                writer.WritePacked(offset, data.Length, block.AsSpan(0, length));
            else if (length > 0)
                writer.WriteMemory(offset, places, data.Length, block.AsSpan(0, length));
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
