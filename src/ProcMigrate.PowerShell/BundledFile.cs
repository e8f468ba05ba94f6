namespace ProcMigrate;

/// <summary>A file that an image carries.</summary>
public sealed class BundledFile
{
    public required string Path { get; init; }

    /// <summary>Bytes of its content, without holes.</summary>
    public required long Length { get; init; }

    public override string ToString() => Path;
}
