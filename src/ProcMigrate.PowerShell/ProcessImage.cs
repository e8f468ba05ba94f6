using ProcMigrate.PowerShell.Running;

namespace ProcMigrate;

/// <summary>A process tree in a file, here or on another host. What the cmdlets hand to each other.</summary>
public sealed class ProcessImage
{
    /// <summary>The file; a path on <see cref="HostName"/> where that is set.</summary>
    public required string Path { get; init; }

    /// <summary>The host the file is on; null: this one.</summary>
    public string? HostName { get; init; }

    /// <summary>Process id of the tree's root.</summary>
    public required int Id { get; init; }

    /// <summary>Name of the tree's root.</summary>
    public required string ProcessName { get; init; }

    /// <summary>Parents before children; with Get-ProcessImage -Detailed each with all that the image knows of it.</summary>
    public required IReadOnlyList<ImageProcess> Processes { get; init; }

    /// <summary>Threads of all processes.</summary>
    public int Threads => Processes.Sum(process => process.Threads);

    /// <summary>Non-zero memory of the tree, in bytes.</summary>
    public long Memory { get; init; }

    /// <summary>Bytes of the file.</summary>
    public long Length { get; init; }

    /// <summary>Made at save time; the same for every copy of the image.</summary>
    public Guid ImageId { get; init; }

    public DateTimeOffset? SavedAt { get; init; }

    /// <summary>The host that the tree ran on when it was saved.</summary>
    public string? Origin { get; init; }

    /// <summary>Files that the tree has open, mapped or stands on; empty where the image was not read.</summary>
    public IReadOnlyList<string> Files { get; init; } = [];

    /// <summary>Files that it carries; empty where it is no bundle.</summary>
    public IReadOnlyList<BundledFile> BundledFiles { get; init; } = [];

    /// <summary>Whether it carries the files that the tree uses.</summary>
    public bool Bundled => BundledFiles.Count > 0;

    /// <summary>Version of procmigrate that wrote it.</summary>
    public string? ToolVersion { get; init; }

    /// <summary>How memory was taken.</summary>
    public string? Method { get; init; }

    public string? KernelRelease { get; init; }

    public string? Processor { get; init; }

    /// <summary>Kernel objects by kind.</summary>
    public IReadOnlyDictionary<string, int> Objects { get; init; } = new Dictionary<string, int>();

    /// <summary>What stands in the way of restoring it where it lies; null where that is not known.</summary>
    public IReadOnlyList<ImageBlocker>? Blockers { get; init; }

    /// <summary>Milliseconds by phase of the act that made this object.</summary>
    public IReadOnlyDictionary<string, double> Timings { get; init; } = new Dictionary<string, double>();

    /// <summary>How to log in on <see cref="HostName"/>, so that the next cmdlet of a pipeline needs not be told again.</summary>
    internal HostLogin Login { get; init; } = HostLogin.Default;

    internal Place Place => HostName is null ? Place.Here : new(HostName, Login);

    /// <summary>The file, and the host where it is another.</summary>
    public override string ToString() => Place.Describe(Path);
}
