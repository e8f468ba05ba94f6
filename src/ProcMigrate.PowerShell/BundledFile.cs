namespace ProcMigrate;

/// <summary>A file that an image carries.</summary>
public sealed class BundledFile
{
    /// <summary>What the program calls it, on the host that it was saved on.</summary>
    public required string OriginalPath { get; init; }

    /// <summary>Bytes of its content, without holes.</summary>
    public required long Length { get; init; }

    /// <summary>In words that are no path, lest a cmdlet for files take one of this host for it.</summary>
    public override string ToString() => $"{OriginalPath} ({Length} bytes)";
}
