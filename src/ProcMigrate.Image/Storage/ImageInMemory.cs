namespace ProcMigrate.Image;

/// <summary>A small image: one that describes a tree and leaves its memory out.</summary>
public sealed class ImageInMemory : ImageSink
{
    private readonly Lock gate = new();
    private byte[] bytes = new byte[64 << 10];
    private int length;

    public override string Path => "the description of the tree";

    public ReadOnlyMemory<byte> Bytes => bytes.AsMemory(0, length);

    public override void Write(ReadOnlySpan<byte> data, long offset)
    {
        lock (gate)
        {
            int end = checked((int)offset + data.Length);
            if (end > bytes.Length)
                Array.Resize(ref bytes, Math.Max(end, (int)Math.Min(2L * bytes.Length, Array.MaxLength)));
            data.CopyTo(bytes.AsSpan((int)offset));
            length = Math.Max(length, end);
        }
    }

    public override void Publish()
    {
    }
}
