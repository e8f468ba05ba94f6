namespace ProcMigrate;

/// <summary>One mapping of an address space in an image.</summary>
public sealed class ImageMapping
{
    public required int ProcessId { get; init; }

    public required ulong Start { get; init; }

    /// <summary>The first address behind it.</summary>
    public required ulong End { get; init; }

    /// <summary>As in /proc/PID/maps: rw-p.</summary>
    public required string Protection { get; init; }

    /// <summary>heap, stack, anonymous, private file, shared memory …</summary>
    public required string Sort { get; init; }

    /// <summary>Bytes of it that the image holds; the others are zero, or in the mapped file.</summary>
    public required long Stored { get; init; }

    /// <summary>Where in the file it begins.</summary>
    public ulong Offset { get; init; }

    /// <summary>The file, or the name that the kernel or the program gave it.</summary>
    public string? Title { get; init; }

    /// <summary>Bytes of address space.</summary>
    public long Length => (long)(End - Start);

    public override string ToString() => $"{Start:x}-{End:x} {Protection} {Title ?? Sort}";
}
