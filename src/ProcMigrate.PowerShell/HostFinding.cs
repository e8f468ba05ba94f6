namespace ProcMigrate;

/// <summary>One thing that a host and user can or cannot do.</summary>
public sealed class HostFinding
{
    /// <summary>Null: this host.</summary>
    public string? HostName { get; init; }

    public required string Topic { get; init; }

    public required bool Available { get; init; }

    /// <summary>Whether everything needs it; without the others only some programs cannot be saved.</summary>
    public required bool Needed { get; init; }

    public required string Detail { get; init; }

    public required string Remedy { get; init; }

    public override string ToString() => $"{Topic}: {(Available ? "ok" : Needed ? "missing" : "without")}";
}
