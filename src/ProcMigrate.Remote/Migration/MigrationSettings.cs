using ProcMigrate.Remote.Transfer;

namespace ProcMigrate.Remote.Migration;

/// <summary>How a tree is to be taken to a host.</summary>
public sealed record MigrationSettings(SshTarget Target)
{
    /// <summary>Options of the verb restore, for the far side.</summary>
    public IReadOnlyList<string> RestoreArguments { get; init; } = [];

    public Compression Compression { get; init; } = Compression.Auto;

    /// <summary>The far side keeps the image (or would, where it is only asked), under this name among the images that it received.</summary>
    public string? KeptName { get; init; }

    /// <summary>For how long a host is tried again that was lost before it had said what became of the tree; null: as long as hosts are waited for.</summary>
    public TimeSpan? SettlePatience { get; init; }
}
