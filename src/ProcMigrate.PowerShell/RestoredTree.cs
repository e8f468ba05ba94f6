namespace ProcMigrate;

/// <summary>A tree that was restored, and has ended where <see cref="ExitCode"/> is set.</summary>
public abstract class RestoredTree
{
    public required IReadOnlyList<ImageProcess> Processes { get; init; }

    /// <summary>Threads of all processes.</summary>
    public int Threads => Processes.Sum(process => process.Threads);

    /// <summary>Process id of the root in the pid namespace of its own; null where it has none.</summary>
    public int? InnerId { get; init; }

    /// <summary>Of a bundle: the folder that its files were unpacked into.</summary>
    public string? FilesPath { get; init; }

    /// <summary>Of a bundle: what the tree has in use, under its old and new names.</summary>
    public IReadOnlyList<RestoredFile> Files { get; init; } = [];

    /// <summary>The image it came from; null where it was moved without one.</summary>
    public string? ImagePath { get; init; }

    public Guid ImageId { get; init; }

    /// <summary>After -Wait: the program's exit status, 128 + signal if it was killed.</summary>
    public int? ExitCode { get; init; }

    /// <summary>Milliseconds by phase.</summary>
    public IReadOnlyDictionary<string, double> Timings { get; init; } = new Dictionary<string, double>();
}
