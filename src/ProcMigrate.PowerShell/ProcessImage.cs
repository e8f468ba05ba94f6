using ProcMigrate.PowerShell.Running;

namespace ProcMigrate;

/// <summary>A process tree in a file. What the cmdlets hand to each other.</summary>
/// <remarks>
/// PowerShell binds properties to parameters by their names alone. So no image and nothing in it has a property that cmdlets
/// for processes take (Id, Name, ProcessName): its processes run nowhere, or on another host. Only an image of this host has a Path.
/// </remarks>
public abstract class ProcessImage
{
    /// <summary>The file, where it lies.</summary>
    public required string ImagePath { get; init; }

    /// <summary>Process id of the tree's root.</summary>
    public required int RootId { get; init; }

    /// <summary>Name of the tree's root.</summary>
    public required string RootName { get; init; }

    /// <summary>Parents before children; with Get-ProcessImage -Detailed each with all that the image knows of it.</summary>
    public required IReadOnlyList<ImageProcess> Processes { get; init; }

    /// <summary>Threads of all processes.</summary>
    public int Threads => Processes.Sum(process => process.Threads);

    /// <summary>Non-zero memory of the tree, in bytes.</summary>
    public long Memory { get; internal set; }

    /// <summary>Bytes of the file.</summary>
    public long Length { get; internal set; }

    /// <summary>Made at save time; the same for every copy of the image.</summary>
    public Guid ImageId { get; internal set; }

    public DateTimeOffset? SavedAt { get; internal set; }

    /// <summary>The host that the tree ran on when it was saved.</summary>
    public string? Origin { get; internal set; }

    /// <summary>Files that the tree has open, mapped or stands on; empty where the image was not read.</summary>
    public IReadOnlyList<string> Files { get; internal set; } = [];

    /// <summary>Files that it carries; empty where it is no bundle.</summary>
    public IReadOnlyList<BundledFile> BundledFiles { get; internal set; } = [];

    /// <summary>Whether it carries the files that the tree uses.</summary>
    public bool Bundled => BundledFiles.Count > 0;

    /// <summary>Version of procmigrate that wrote it.</summary>
    public string? ToolVersion { get; internal set; }

    /// <summary>How memory was taken.</summary>
    public string? Method { get; internal set; }

    public string? KernelRelease { get; internal set; }

    public string? Processor { get; internal set; }

    /// <summary>Kernel objects by kind.</summary>
    public IReadOnlyDictionary<string, int> Objects { get; internal set; } = new Dictionary<string, int>();

    /// <summary>What stands in the way of restoring it where it lies; null where that is not known.</summary>
    public IReadOnlyList<ImageBlocker>? Blockers { get; internal set; }

    /// <summary>Milliseconds by phase of the act that made this object.</summary>
    public IReadOnlyDictionary<string, double> Timings { get; internal set; } = new Dictionary<string, double>();

    internal abstract Place Place { get; }
}
