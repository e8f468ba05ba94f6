using System.Buffers;
using Microsoft.Win32.SafeHandles;
using ProcMigrate.Image.Format;

namespace ProcMigrate.Image.Storage;

/// <summary>An image open for reading; every failure to read becomes an <see cref="ImageException"/>.</summary>
internal sealed class SourceFile : IDisposable
{
    /// <summary>What is read at once where nothing needs to stay in memory.</summary>
    public const int ReadBlock = 256 << 10;

    private SourceFile(SafeFileHandle handle, long length, ImageFaults faults) => (Handle, Length, Faults) = (handle, length, faults);

    public SafeFileHandle Handle { get; }
    public long Length { get; }
    public ImageFaults Faults { get; }

    public static SourceFile Open(string path)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        var faults = new ImageFaults(ForeignPath.Full(path));
        if (Posix.IsFolder(faults.Path)) throw faults.NotAnImage("it is a folder");
        // O_NONBLOCK, so that a FIFO is refused and not waited for.
        var handle = Posix.Open(faults.Path, Posix.O_RDONLY | Posix.O_NONBLOCK, 0, out var errno);
        if (handle is null) throw CannotOpen(faults.Path, errno);
        try
        {
            return new SourceFile(handle, RandomAccess.GetLength(handle), faults);
        }
        catch (Exception e)
        {
            handle.Dispose();
            if (e is NotSupportedException) throw faults.NotAnImage("it is not a regular file");
            if (e is IOException) throw CannotRead(faults.Path, e);
            throw;
        }
    }

    /// <summary>Fills <paramref name="buffer"/>.</summary>
    public void Read(Span<byte> buffer, long offset)
    {
        try
        {
            while (!buffer.IsEmpty)
            {
                var count = RandomAccess.Read(Handle, buffer, offset);
                if (count == 0) throw Faults.Truncated();
                buffer = buffer[count..];
                offset += count;
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw CannotRead(Faults.Path, e);
        }
    }

    /// <summary>Checksum of a range; <paramref name="step"/> is shown each block, and may end it all by an exception.</summary>
    public uint Checksum(long offset, long length, Action<ReadOnlySpan<byte>>? step = null)
    {
        var buffer = ArrayPool<byte>.Shared.Rent((int)Math.Min(length, ReadBlock));
        try
        {
            var crc = 0u;
            while (length > 0)
            {
                var block = buffer.AsSpan(0, (int)Math.Min(length, buffer.Length));
                Read(block, offset);
                crc = Crc32C.Append(crc, block);
                step?.Invoke(block);
                offset += block.Length;
                length -= block.Length;
            }
            return crc;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    public void Dispose() => Handle.Dispose();

    private static ImageException CannotOpen(string path, int errno) => errno == Posix.ENOENT
        ? new ImageException(ImageError.NotFound, path, $"{path} does not exist") { Errno = errno }
        : new ImageException(ImageError.CannotRead, path, $"cannot open {path}: open: {Posix.Describe(errno)}") { Errno = errno };

    private static ImageException CannotRead(string path, Exception e) =>
        new(ImageError.CannotRead, path, $"cannot read {path}: {e.Message}", e) { Errno = e.HResult is > 0 and < 4096 ? e.HResult : 0 };
}
