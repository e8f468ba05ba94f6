namespace ProcMigrate;

/// <summary>A tree that was restored on this host, and has ended.</summary>
public sealed class RestoredProcess : RestoredTree
{
    /// <summary>Process id of the tree's root.</summary>
    public required int Id { get; init; }

    /// <summary>Name of the tree's root.</summary>
    public required string ProcessName { get; init; }

    public override string ToString() => $"{ProcessName} ({Id})";
}
