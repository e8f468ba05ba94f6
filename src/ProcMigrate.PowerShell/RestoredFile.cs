namespace ProcMigrate;

/// <summary>A file of a bundle after its restore.</summary>
public sealed class RestoredFile
{
    /// <summary>What the program called it.</summary>
    public required string OldPath { get; init; }

    /// <summary>Where it is; the same where the host's own file is used.</summary>
    public required string NewPath { get; init; }

    public override string ToString() => $"{OldPath} -> {NewPath}";
}
