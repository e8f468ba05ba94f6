namespace ProcMigrate.Image.Text;

/// <summary>Lets JSON pass, and sees whether a byte is escaped in it as <see cref="NameText"/> does.</summary>
internal sealed class EscapeWatch(Stream target) : Stream
{
    private static ReadOnlySpan<byte> Escape => "\\u0000"u8;

    /// <summary>How much of the escape the last bytes were.</summary>
    private int matched;
    private bool afterBackslash;

    public bool Seen { get; private set; }

    public override bool CanRead => false;
    public override bool CanSeek => false;
    public override bool CanWrite => true;
    public override long Length => target.Length;
    public override long Position { get => target.Position; set => throw new NotSupportedException(); }

    public override void Write(ReadOnlySpan<byte> data)
    {
        if (!Seen)
            foreach (var value in data)
                Look(value);
        target.Write(data);
    }

    public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

    /// <summary>A backslash behind a backslash is one that stands for itself, and begins nothing.</summary>
    private void Look(byte value)
    {
        if (value == '\\')
        {
            afterBackslash = !afterBackslash;
            matched = afterBackslash ? 1 : 0;
            return;
        }
        afterBackslash = false;
        matched = matched > 0 && value == Escape[matched] ? matched + 1 : 0;
        if (matched < Escape.Length) return;
        Seen = true;
        matched = 0;
    }

    public override void Flush() => target.Flush();
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();
}
