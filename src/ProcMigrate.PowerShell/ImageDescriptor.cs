namespace ProcMigrate;

/// <summary>An open descriptor of a process in an image.</summary>
public sealed class ImageDescriptor
{
    public required int ProcessId { get; init; }

    /// <summary>Its number.</summary>
    public required int Descriptor { get; init; }

    /// <summary>file, pipe, unix-socket, eventfd …</summary>
    public required string Kind { get; init; }

    /// <summary>Path, address or what else a person calls it.</summary>
    public required string Title { get; init; }

    public bool CloseOnExec { get; init; }

    /// <summary>Two descriptors with the same number share one open file.</summary>
    public int ObjectId { get; init; }

    public bool IsSocket => Kind.Contains("socket", StringComparison.OrdinalIgnoreCase);

    /// <summary>What the image holds of it, as JSON: offset, flags, addresses, queue …</summary>
    public string State { get; init; } = "";

    public override string ToString() => $"{Descriptor} {Title}";
}
