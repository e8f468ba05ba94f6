using ProcMigrate.Image;

namespace ProcMigrate.Engine.Contracts;

/// <summary>What descriptors 0, 1 and 2 become where they were a terminal or pipe outside the tree.</summary>
public enum StdioChoice
{
    /// <summary>The restoring command's own.</summary>
    Inherit,
    Null,
    Path,
}

public sealed record RestoreOptions
{
    public required string ImagePath { get; init; }
    public StdioChoice Stdio { get; init; } = StdioChoice.Inherit;
    public string? StdioPath { get; init; }

    /// <summary>What every other descriptor of a terminal outside the tree becomes.</summary>
    public StdioChoice Terminal { get; init; } = StdioChoice.Inherit;
    public string? TerminalPath { get; init; }

    /// <summary>Nobody said what terminals become: what the save was told holds, and what stands above only where it was told nothing.</summary>
    public bool TerminalAsSaved { get; init; }

    /// <summary>Leave the tree stopped, as by SIGSTOP.</summary>
    public bool LeaveStopped { get; init; }

    /// <summary>The restored root becomes a child of the caller, which waits for it.</summary>
    public bool Wait { get; init; }

    /// <summary>With <see cref="Wait"/>: called when the tree runs. From then on signals sent to the caller go to its root.</summary>
    public Action? Running { get; init; }
    public bool Force { get; init; }

    /// <summary>The image is taken as it is although it belongs to another user, or others can write to it.</summary>
    public bool Trust { get; init; }

    /// <summary>What the image was read from, where that was not <see cref="ImagePath"/>: a path, or null.</summary>
    public string? Source { get; init; }

    /// <summary>The tree gets a pid namespace of its own, in which its pids are free whatever runs here.</summary>
    public bool PidNamespace { get; init; }

    /// <summary>Of a bundle: the folder that its files are unpacked into; null: a new one of the image's own.</summary>
    public string? FilesFolder { get; init; }

    /// <summary>Of a bundle: files of this host that are the same are used in place, unless the tree writes to them.</summary>
    public bool ReuseHostFiles { get; init; }

    /// <summary>Of a bundle: the tree sees its files under their old names.</summary>
    public bool SameNames { get; init; }

    /// <summary>Paths that begin otherwise here.</summary>
    public IReadOnlyList<PathMap> Maps { get; init; } = [];

    /// <summary>Files that changed since the save are used as they are; else each is a blocker.</summary>
    public bool AcceptChangedFiles { get; init; }

    /// <summary>Files that the tree writes to and that have grown are cut back to the size they had.</summary>
    public bool TruncateGrownFiles { get; init; }

    /// <summary>For a check: the image would yet have to come here, through this folder; null: it is here.</summary>
    public string? Spool { get; init; }

    /// <summary>The image is but a description: its memory is yet to come, and goes straight into the process (<see cref="ProcessImages.TakesMemory"/>).</summary>
    public ArrivingImage? Arriving { get; init; }

    /// <summary>The image came over frames whose checksums were compared, into a file that nobody else knows: its memory is not verified again.</summary>
    public bool Verified { get; init; }

    /// <summary>The image is a nameless file that nobody will want again: room is given back as memory is loaded, so that it is never there twice.</summary>
    public bool Consume { get; init; }

    /// <summary>Asked before the tree runs; null: it runs as soon as it is complete.</summary>
    public ReleaseGate? Gate { get; init; }

    /// <summary>Pids to restore, each with its descendants; empty: all of the image.</summary>
    public IReadOnlyList<int> Only { get; init; } = [];
}

/// <param name="ExitCode">With <see cref="RestoreOptions.Wait"/>: the exit status of the root, 128 + signal if it was killed.</param>
public sealed record RestoreResult(
    int Pid, IReadOnlyList<ProcessSummary> Processes, string ImagePath, Guid ImageId, long MemoryBytes, Timings Timings,
    IReadOnlyList<string> Warnings, int? ExitCode)
{
    /// <summary>In a pid namespace of the tree's own: what its root is called there; <see cref="Pid"/> is what it is called here.</summary>
    public int? InnerPid { get; init; }

    /// <summary>Where the files of a bundle are now; null where the image is none.</summary>
    public RestoredFiles? Files { get; init; }
}

/// <summary>A path prefix of the save, absolute and without a slash at its end, and what it is here.</summary>
public sealed record PathMap(string Old, string New);

/// <summary>The files of a bundle after a restore.</summary>
/// <param name="Folder">What they were unpacked into.</param>
/// <param name="Table">The file with all old and new names; null after an export, which keeps the names.</param>
/// <param name="Count">How many names there are in all.</param>
/// <param name="Names">Those that the tree has in use.</param>
public sealed record RestoredFiles(string Folder, string? Table, int Count, IReadOnlyList<RestoredFile> Names);

/// <summary>A file's name at the save, and here.</summary>
public sealed record RestoredFile(string Old, string New);
