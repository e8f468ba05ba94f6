using System.Runtime.InteropServices;
using ProcMigrate.Image;
using ProcMigrate.Image.Storage;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.X64;
using ProcMigrate.Remote.Migration;

namespace ProcMigrate.Remote.Transfer;

/// <summary>
/// The far side of a transfer. The image has no name until it is whole, verified and durable; whatever happens before, the
/// connection's end at any byte included, nothing is to be seen of it; a longer piece that came is kept for the next try.
/// </summary>
internal sealed class ImageReceiver
{
    /// <summary>Until the sender has said how long it may be silent.</summary>
    private static readonly TimeSpan FirstPatience = TimeSpan.FromMinutes(1);
    private const int MaxPatienceSeconds = 3600;

    // How long the file is tells how much of it came.
    private const int FALLOC_FL_KEEP_SIZE = 1;

    private readonly FrameReader reader;
    private readonly FrameWriter writer;
    private readonly string? defaultTo;
    private readonly Func<string, Guid> verify;
    private readonly IFarEngine? engine;
    private readonly CancellationToken cancel;

    /// <param name="defaultTo">Folder or file where the sender names none; null: the default folder.</param>
    /// <param name="verify">Verifies a complete image by path and gives its id; throws where it is damaged.</param>
    /// <param name="source">The descriptor of the input, where there is one.</param>
    public ImageReceiver(
        Stream input, Stream output, string? defaultTo, Func<string, Guid> verify, IFarEngine? engine = null, SafeHandle? source = null,
        CancellationToken cancel = default)
    {
        (this.engine, this.cancel) = (engine, cancel);
        reader = new FrameReader(input, source) { Patience = FirstPatience };
        writer = new FrameWriter(output);
        (this.defaultTo, this.verify) = (defaultTo, verify);
    }

    /// <returns>Null where it was a check or migration.</returns>
    public ReceiveResult? Receive()
    {
        try
        {
            if (engine?.ImageInside is { } inside)
            {
                MigrationReceiver.RunInside(reader, writer, engine, inside, cancel);
                return null;
            }
            ImageOffer offer = ReadOffer();
            if (offer.Purpose is null)
                return ReceiveOffered(offer);
            new MigrationReceiver(reader, writer, engine ?? throw new FrameException(FrameFault.BadPayload, "no engine is here"), offer, cancel).Run();
            return null;
        }
        catch (FrameException e)
        {
            // One that is gone or silent is no longer told.
            if (e.Fault is not (FrameFault.Ended or FrameFault.Silent))
                Tell(RemoteFailure.ProtocolError, e.Message);
            var reason = e.Fault is FrameFault.Ended or FrameFault.Silent ? RemoteFailure.ConnectionCut : RemoteFailure.ProtocolError;
            throw new RemoteException(reason, "", $"the transfer broke off: {e.Message}", e);
        }
        catch (RemoteException e)
        {
            Tell(e.Reason, e.Message);
            throw;
        }
        catch (ImageException e)
        {
            Tell(ReasonOf(e), e.Message);
            throw new RemoteException(ReasonOf(e), "", e.Message, e);
        }
    }

    private ImageOffer ReadOffer()
    {
        if (reader.Read() != FrameType.Offer)
            throw reader.Unexpected();
        var offer = reader.Message(TransferJson.Default.ImageOffer);
        if (offer.Version != ImageOffer.CurrentVersion)
            throw new FrameException(FrameFault.BadPayload, $"the sender speaks version {offer.Version} of the transfer, this side {ImageOffer.CurrentVersion}");
        if (offer.Length < 0 || offer.SilenceSeconds is < 1 or > MaxPatienceSeconds)
            throw new FrameException(FrameFault.BadPayload, "the offer's length or patience is out of range");
        reader.Patience = TimeSpan.FromSeconds(offer.SilenceSeconds);
        return offer;
    }

    private ReceiveResult ReceiveOffered(ImageOffer offer)
    {
        string path = ReceivePath.Resolve(offer.To ?? defaultTo, offer.Name);
        if (PathCalls.Exists(path))
            return AlreadyThere(path, offer);
        using var file = PartialImage.Open(path, offer, out long there);
        file.BytesNeeded = offer.Length;
        Reserve(file, offer.Length);
        writer.WriteMessage(FrameType.Go, new TransferGo(there, ChecksumOf(file, there)), TransferJson.Default.TransferGo);
        ReceiveData(file, offer, there);
        Verify(file, offer);
        try
        {
            file.Publish();
        }
        catch (ImageException e) when (e.Error == ImageError.Exists)
        {
            // Somebody was faster; perhaps with the very same image.
            return AlreadyThere(path, offer);
        }
        return Stored(new ReceiveResult(path, offer.ImageId, offer.Length, AlreadyThere: false));
    }

    /// <summary>A full disk shows now, not after an hour of transfer.</summary>
    private static void Reserve(TargetFile file, long length)
    {
        if (length == 0)
            return;
        long result = RawSyscall.Try(SyscallNumber.fallocate, (int)file.Handle.DangerousGetHandle(), FALLOC_FL_KEEP_SIZE, 0, (nint)length);
        if (result is -Posix.ENOSPC or -Posix.EDQUOT or -Posix.EFBIG)
            throw new RemoteException(RemoteFailure.NoSpace, "", NoSpace(file.Path, length, (int)-result));
        // Other file systems than the usual cannot reserve; there the write itself will tell.
    }

    private static string NoSpace(string path, long length, int errno)
    {
        string folder = Path.GetDirectoryName(path) ?? "/";
        return $"no space for {path}: it needs {length:N0} bytes, {new DriveInfo(folder).AvailableFreeSpace:N0} are free " +
            $"(fallocate: {Posix.Describe(errno)}). Make room, or choose another folder with --to";
    }

    private static uint ChecksumOf(TargetFile file, long length)
    {
        byte[] piece = new byte[FrameHeader.MaxData];
        uint crc = 0;
        for (long at = 0; at < length;)
        {
            int count = RandomAccess.Read(file.Handle, piece.AsSpan(0, (int)Math.Min(piece.Length, length - at)), at);
            if (count == 0)
                throw new RemoteException(RemoteFailure.TargetUnusable, "", $"what an earlier transfer left for {file.Path} cannot be read; send it again");
            crc = Crc32C.Append(crc, piece.AsSpan(0, count));
            at += count;
        }
        return crc;
    }

    private void ReceiveData(TargetFile file, ImageOffer offer, long there)
    {
        long received = there;
        try
        {
            ReceiveData(file, offer.Length, ref received);
        }
        catch (FrameException e) when (e.Fault is FrameFault.Ended or FrameFault.Silent)
        {
            PartialImage.Keep(file, offer, received);
            throw;
        }
    }

    private void ReceiveData(TargetFile file, long length, ref long received)
    {
        bool first = true;
        while (reader.Read() is FrameType.Data or FrameType.Packed)
        {
            var bytes = reader.Data(out long offset);
            // The sender does not trust what is there of an earlier try.
            if (first && offset == 0)
                received = 0;
            first = false;
            if (offset != received || bytes.Length > length - received)
                throw new FrameException(FrameFault.BadPayload, $"{bytes.Length} bytes for offset {offset} where offset {received} of {length} was due");
            file.Write(bytes, offset);
            received += bytes.Length;
        }
        if (reader.Type != FrameType.End)
            throw reader.Unexpected();
        if (received != length)
            throw new FrameException(FrameFault.BadPayload, $"the sender ended after {received} of {length} bytes");
    }

    private void Verify(TargetFile file, ImageOffer offer)
    {
        // It has no name yet, but a path all the same.
        string unnamed = $"/proc/self/fd/{file.Handle.DangerousGetHandle()}";
        Guid id;
        try
        {
            id = verify(unnamed);
        }
        catch (ImageException e) when (e.Error is not ImageError.CannotRead)
        {
            string message = e.Message.Replace(unnamed, offer.Name, StringComparison.Ordinal);
            throw new RemoteException(RemoteFailure.ImageRejected, "", $"the image was received but is not kept: {message}", e);
        }
        if (id != offer.ImageId)
            throw new RemoteException(RemoteFailure.ImageRejected, "", $"the image was received but is not kept: it is {id}, {offer.ImageId} was offered");
    }

    private ReceiveResult AlreadyThere(string path, ImageOffer offer)
    {
        if (!IsSame(path, offer))
        {
            throw new RemoteException(
                RemoteFailure.NameTaken, "", $"{path} exists already and is something else; nothing is overwritten. Choose another name with --to, or remove it");
        }
        return Stored(new ReceiveResult(path, offer.ImageId, offer.Length, AlreadyThere: true));
    }

    private bool IsSame(string path, ImageOffer offer)
    {
        if (FileStatus.TryOfPath(path) is not { Type: FileType.Regular } there || there.Size != offer.Length)
            return false;
        try
        {
            return verify(path) == offer.ImageId;
        }
        catch (ImageException)
        {
            // Not an image, or a damaged one: not the same.
            return false;
        }
    }

    private ReceiveResult Stored(ReceiveResult result)
    {
        writer.WriteMessage(
            FrameType.Stored, new ImageStored(result.Path, result.ImageId, result.Bytes, result.AlreadyThere), TransferJson.Default.ImageStored);
        return result;
    }

    private void Tell(RemoteFailure reason, string message)
    {
        try
        {
            writer.WriteMessage(FrameType.Refused, new TransferRefusal(reason.ToString(), message), TransferJson.Default.TransferRefusal);
        }
        catch (IOException)
        {
            // The sender is gone; our own error says the same.
        }
    }

    private static RemoteFailure ReasonOf(ImageException e) => e.Error switch
    {
        ImageError.NoSpace => RemoteFailure.NoSpace,
        ImageError.Exists => RemoteFailure.NameTaken,
        ImageError.CannotWrite => RemoteFailure.TargetUnusable,
        _ => RemoteFailure.FarSideFailed,
    };
}
