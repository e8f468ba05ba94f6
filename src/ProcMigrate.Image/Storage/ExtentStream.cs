namespace ProcMigrate.Image.Storage;

/// <summary>A forward-only stream into a place of the file, which counts and checksums what passes.</summary>
internal sealed class ExtentStream(ImageSink file, long offset) : Stream
{
    private readonly byte[] buffer = new byte[64 << 10];
    private int buffered;
    private long written;

    /// <summary>Checksum of everything flushed.</summary>
    public uint Crc { get; private set; }

    public override long Length => written + buffered;
    public override bool CanRead => false;
    public override bool CanSeek => false;
    public override bool CanWrite => true;
    public override long Position { get => Length; set => throw new NotSupportedException(); }

    public override void Write(ReadOnlySpan<byte> data)
    {
        while (data.Length > 0)
        {
            if (buffered == buffer.Length) Flush();
            var part = Math.Min(data.Length, buffer.Length - buffered);
            data[..part].CopyTo(buffer.AsSpan(buffered));
            buffered += part;
            data = data[part..];
        }
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    public override void Flush()
    {
        var data = buffer.AsSpan(0, buffered);
        if (data.Length == 0) return;
        Crc = Crc32C.Append(Crc, data);
        file.Write(data, offset + written);
        written += data.Length;
        buffered = 0;
    }

    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();
}
