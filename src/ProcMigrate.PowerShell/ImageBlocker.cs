namespace ProcMigrate;

/// <summary>One reason why a tree cannot be saved, or an image not restored.</summary>
public sealed class ImageBlocker
{
    /// <summary>Stable and documented.</summary>
    public required string BlockerId { get; init; }

    public int? ProcessId { get; init; }

    /// <summary>The file descriptor concerned.</summary>
    public int? Descriptor { get; init; }

    public required string What { get; init; }

    public required string Why { get; init; }

    public required string Remedy { get; init; }

    /// <summary>The host whose blocker it is; null: this one.</summary>
    public string? HostName { get; init; }

    public override string ToString() => $"{What}: {Why}";
}
