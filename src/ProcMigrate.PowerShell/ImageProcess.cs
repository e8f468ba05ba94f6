namespace ProcMigrate;

/// <summary>One process of a tree. What is not known without -Detailed is null or empty.</summary>
public sealed class ImageProcess
{
    /// <summary>The id that it had and will have.</summary>
    public required int ProcessId { get; init; }

    public required string ProgramName { get; init; }

    /// <summary>How many.</summary>
    public required int Threads { get; init; }

    public int? ParentId { get; init; }

    /// <summary>0 for a root of the tree, 1 for its children …</summary>
    public int Depth { get; init; }

    public IReadOnlyList<string> CommandLine { get; init; } = [];

    /// <summary>Non-zero memory that the image holds of it, in bytes.</summary>
    public long Memory { get; init; }

    /// <summary>Stopped by a signal when it was saved; it comes back stopped.</summary>
    public bool Stopped { get; init; }

    public string? Executable { get; init; }

    public string? WorkingFolder { get; init; }

    public int? UserId { get; init; }

    public int? GroupId { get; init; }

    public int? SessionId { get; init; }

    public int? Umask { get; init; }

    /// <summary>As the process was started with.</summary>
    public IReadOnlyDictionary<string, string> Environment { get; init; } = new Dictionary<string, string>();

    public IReadOnlyList<ImageThread> ThreadList { get; init; } = [];

    /// <summary>By address.</summary>
    public IReadOnlyList<ImageMapping> Mappings { get; init; } = [];

    public IReadOnlyList<ImageDescriptor> Descriptors { get; init; } = [];

    /// <summary>Memory by sort.</summary>
    public IReadOnlyList<ImageMemory> MemoryBySort { get; init; } = [];

    public override string ToString() => $"{ProgramName} ({ProcessId})";
}
