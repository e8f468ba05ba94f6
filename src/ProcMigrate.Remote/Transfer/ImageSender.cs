using System.Diagnostics;
using System.Runtime.ExceptionServices;
using System.Text.Json.Serialization.Metadata;
using ProcMigrate.Image;
using ProcMigrate.Image.Storage;
using ProcMigrate.Remote.Ssh;

namespace ProcMigrate.Remote.Transfer;

/// <summary>The near side of a transfer, over a connection whose far side is <c>procmigrate receive</c>.</summary>
internal sealed class ImageSender
{
    private const int MaxThreads = 4;
    private const long BytesWorthAThread = 8L << 20;

    /// <summary>Milliseconds; while we only read on this side, the far side is not to take us for dead.</summary>
    private const long BetweenSignsOfLife = 5000;

    private readonly SshConnection connection;
    private readonly FrameWriter writer;
    private readonly FrameReader reader;
    private readonly CancellationToken cancel;
    private readonly Packing packing;
    private readonly object turn = new();
    private long next;
    private long sent;
    private long total;

    public ImageSender(SshConnection connection, Compression compression, CancellationToken cancel)
    {
        packing = new Packing(compression);
        (this.connection, this.cancel) = (connection, cancel);
        writer = new FrameWriter(connection.Input);
        reader = new FrameReader(connection.Output);
    }

    public long SentBytes => writer.BytesWritten;
    public long ResumedAt { get; private set; }

    /// <summary>Time until the last byte was handed to ssh.</summary>
    public TimeSpan TransferTime { get; private set; }

    /// <summary>Sends the image and returns when the host has it, verified and durable.</summary>
    public ImageStored Send(ImageReader image, ImageOffer offer, Action<TransferProgress>? progress)
    {
        var watch = Stopwatch.StartNew();
        total = offer.Length;
        // It may have to read much of what an earlier transfer left there.
        connection.Pulse.Expect("make room for the image", HostPatience.Silence);
        if (TryWrite(() => writer.WriteMessage(FrameType.Offer, offer, TransferJson.Default.ImageOffer)))
        {
            FrameType answer = ReadAnswer();
            if (answer == FrameType.Stored)
                return Stored(offer);
            if (answer != FrameType.Go)
                throw Failure(reader.Unexpected());
            connection.Pulse.Expect("take the image", HostPatience.Silence);
            // Where the far side stops listening, its answer says why: no more is written, and it is read.
            if (SendData(image, progress))
                TryWrite(writer.WriteEnd);
            TransferTime = watch.Elapsed;
            connection.Pulse.Expect("verify the image and bring it to its disk", HostPatience.Silence);
        }
        if (ReadAnswer() != FrameType.Stored)
            throw Failure(reader.Unexpected());
        return Stored(offer);
    }

    private bool SendData(ImageReader image, Action<TransferProgress>? progress)
    {
        TransferGo go = Message(TransferJson.Default.TransferGo);
        if (go.Offset < 0 || go.Offset > total)
            throw Failure(new FrameException(FrameFault.BadPayload, $"asked for byte {go.Offset} of {total}"));
        // What is there of an earlier transfer counts only if it is what we would send.
        sent = next = ResumedAt = go.Offset > 0 && ChecksumOf(image, go.Offset) == go.Crc32C ? go.Offset : 0;
        var helpers = new List<Thread>();
        ExceptionDispatchInfo? failure = null;
        bool listens = true;
        void Work()
        {
            byte[] piece = new byte[FrameHeader.MaxData], block = new byte[FrameHeader.MaxData];
            try
            {
                while (Volatile.Read(ref listens) && failure is null && SendNext(image, piece, block, ref listens, progress))
                {
                }
            }
            catch (Exception e)
            {
                Interlocked.CompareExchange(ref failure, ExceptionDispatchInfo.Capture(e), null);
            }
        }
        for (int i = 1; i < Math.Min(Math.Min(MaxThreads, Environment.ProcessorCount), total / BytesWorthAThread); i++)
            helpers.Add(new Thread(Work) { Name = "send" });
        helpers.ForEach(t => t.Start());
        Work();
        helpers.ForEach(t => t.Join());
        failure?.Throw();
        return listens;
    }

    /// <summary>Reads and packs a piece beside the other threads, and sends it when all before it are sent.</summary>
    /// <returns>False where none is left.</returns>
    private bool SendNext(ImageReader image, byte[] piece, byte[] block, ref bool listens, Action<TransferProgress>? progress)
    {
        cancel.ThrowIfCancellationRequested();
        long offset = Interlocked.Add(ref next, FrameHeader.MaxData) - FrameHeader.MaxData;
        if (offset >= total)
            return false;
        Span<byte> bytes = piece.AsSpan(0, (int)Math.Min(FrameHeader.MaxData, total - offset));
        try
        {
            ReadImage(image, bytes, offset);
            int packed = packing.Packs ? Lz4.Compress(bytes, block.AsSpan(0, bytes.Length - bytes.Length / 16)) : 0;
            lock (turn)
            {
                while (sent != offset && Volatile.Read(ref listens))
                    Monitor.Wait(turn);
            }
            cancel.ThrowIfCancellationRequested();
            if (!Volatile.Read(ref listens) || !TryWrite(piece, bytes.Length, offset, block, packed))
            {
                GiveUp(ref listens);
                return false;
            }
            packing.Sent(bytes.Length, packed > 0);
            progress?.Invoke(new TransferProgress("send", offset + bytes.Length, total));
            lock (turn)
            {
                sent = offset + bytes.Length;
                Monitor.PulseAll(turn);
            }
            return true;
        }
        catch
        {
            GiveUp(ref listens);
            throw;
        }
    }

    /// <summary>Nobody may wait for a piece that will not come.</summary>
    private void GiveUp(ref bool listens)
    {
        lock (turn)
        {
            Volatile.Write(ref listens, false);
            Monitor.PulseAll(turn);
        }
    }

    private bool TryWrite(byte[] piece, int length, long offset, byte[] block, int packed) => TryWrite(() =>
    {
        if (packed > 0)
            writer.WritePacked(offset, length, block.AsSpan(0, packed));
        else
            writer.WriteRaw(offset, piece.AsSpan(0, length));
    });

    private uint ChecksumOf(ImageReader image, long length)
    {
        byte[] piece = new byte[FrameHeader.MaxData];
        uint crc = 0;
        long told = Environment.TickCount64;
        for (long at = 0; at < length; at += piece.Length)
        {
            cancel.ThrowIfCancellationRequested();
            if (Environment.TickCount64 - told > BetweenSignsOfLife)
            {
                TryWrite(writer.WriteAlive);
                told = Environment.TickCount64;
            }
            Span<byte> bytes = piece.AsSpan(0, (int)Math.Min(piece.Length, length - at));
            ReadImage(image, bytes, at);
            crc = Crc32C.Append(crc, bytes);
        }
        return crc;
    }

    private void ReadImage(ImageReader image, Span<byte> buffer, long offset)
    {
        string why = "it became shorter while it was sent";
        try
        {
            while (!buffer.IsEmpty && RandomAccess.Read(image.File, buffer, offset) is var count and > 0)
            {
                buffer = buffer[count..];
                offset += count;
            }
            if (buffer.IsEmpty)
                return;
        }
        catch (IOException e)
        {
            why = IoFailure.Describe(e);
        }
        throw new ImageException(
            ImageError.CannotRead, image.Path, $"cannot read {image.Path} at byte {offset:N0}: {why}; nothing of it stays on {connection.Target.DisplayName}");
    }

    private static bool TryWrite(Action write)
    {
        try
        {
            write();
            return true;
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            return false;
        }
    }

    private FrameType ReadAnswer()
    {
        try
        {
            if (reader.Read() == FrameType.Refused)
                throw Refused(Message(TransferJson.Default.TransferRefusal));
            return reader.Type;
        }
        catch (FrameException e) when (e.Fault != FrameFault.Ended)
        {
            throw Failure(e);
        }
        catch (Exception e) when (e is FrameException or IOException or ObjectDisposedException)
        {
            throw Ended();
        }
    }

    private T Message<T>(JsonTypeInfo<T> json)
    {
        try
        {
            return reader.Message(json);
        }
        catch (FrameException e)
        {
            throw Failure(e);
        }
    }

    private ImageStored Stored(ImageOffer offer)
    {
        var stored = Message(TransferJson.Default.ImageStored);
        if (stored.ImageId != offer.ImageId || stored.Length != offer.Length)
            throw Failure(new FrameException(FrameFault.BadPayload, "it stored another image than the one that was sent"));
        return stored;
    }

    private RemoteException Refused(TransferRefusal refusal) => new(
        refusal.Known, connection.Target.Host, $"{connection.Target.DisplayName}: {FarText.Clean(refusal.Message)}");

    /// <summary>The far side is gone without a last word: ssh's exit code tells whether the connection or the program ended.</summary>
    private Exception Ended()
    {
        if (cancel.IsCancellationRequested)
            return new OperationCanceledException(cancel);
        if (connection.Silence is { } silent)
            return silent;
        int exitCode = connection.WaitForEnd();
        if (cancel.IsCancellationRequested)
            return new OperationCanceledException(cancel);
        string errors = connection.Errors();
        string where = $"{sent:N0} of {total:N0} bytes";
        if (exitCode is SshFailure.ClientFailed or > 128)
            return SshFailure.Cut(connection.Target, $"after {where}, or procmigrate was killed there. Send it again: it goes on where it stopped", errors);
        return new RemoteException(
            RemoteFailure.FarSideFailed, connection.Target.Host,
            SshFailure.WithWords($"procmigrate on {connection.Target.DisplayName} ended with exit code {exitCode} after {where}", errors));
    }

    private RemoteException Failure(FrameException e) => new(
        RemoteFailure.ProtocolError, connection.Target.Host, $"{connection.Target.DisplayName} answers wrongly: {e.Message}.", e);
}
