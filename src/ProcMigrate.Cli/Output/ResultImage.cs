namespace ProcMigrate.Cli.Output;

/// <summary>The image that a result speaks of. A path on another host is that host's.</summary>
internal sealed record ResultImage(string Path, Guid Id, long Bytes)
{
    /// <summary>Absent where the verb had no reason to read it.</summary>
    public string? SavedAt { get; init; }

    /// <summary>Name of the host that the tree ran on; absent as above.</summary>
    public string? Origin { get; init; }
}
