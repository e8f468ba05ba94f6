namespace ProcMigrate;

/// <summary>Mappings of one sort: how many, how much address space, and how much of it the image holds.</summary>
public sealed class ImageMemory
{
    public required int ProcessId { get; init; }

    public required string Sort { get; init; }

    public required int Mappings { get; init; }

    public required long Length { get; init; }

    public required long Stored { get; init; }

    public override string ToString() => Sort;
}
