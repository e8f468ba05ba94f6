using System.Text;

namespace ProcMigrate.Remote.Ssh;

/// <summary>A stream that is read by lines first, and by bytes afterwards, without losing what was read ahead.</summary>
internal sealed class LineStream(Stream inner) : Stream
{
    private readonly byte[] buffer = new byte[16 * 1024];
    private int start;
    private int end;

    /// <summary>The next line without its end, or null at the end of the stream; an unfinished last line counts.</summary>
    /// <exception cref="InvalidDataException">A line longer than <paramref name="limit"/> bytes.</exception>
    public string? ReadLine(int limit)
    {
        using var line = new MemoryStream();
        while (true)
        {
            if (start == end && !Fill())
                return line.Length == 0 ? null : Decode(line);
            ReadOnlySpan<byte> available = buffer.AsSpan(start, end - start);
            int newline = available.IndexOf((byte)'\n');
            int take = newline < 0 ? available.Length : newline;
            if (line.Length + take > limit)
                throw new InvalidDataException($"a line is longer than {limit} bytes");
            line.Write(available[..take]);
            start += take;
            if (newline < 0)
                continue;
            start++;
            return Decode(line);
        }
    }

    public override int Read(byte[] target, int offset, int count) => Read(target.AsSpan(offset, count));

    public override int Read(Span<byte> target)
    {
        if (start == end)
            return inner.Read(target);
        int n = Math.Min(target.Length, end - start);
        buffer.AsSpan(start, n).CopyTo(target);
        start += n;
        return n;
    }

    public override bool CanRead => true;
    public override bool CanSeek => false;
    public override bool CanWrite => false;
    public override long Length => throw new NotSupportedException();
    public override long Position
    {
        get => throw new NotSupportedException();
        set => throw new NotSupportedException();
    }

    public override void Flush() { }
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();

    private bool Fill()
    {
        start = 0;
        end = inner.Read(buffer);
        return end > 0;
    }

    private static string Decode(MemoryStream line) =>
        Encoding.UTF8.GetString(line.GetBuffer(), 0, (int)line.Length).TrimEnd('\r');
}
