namespace ProcMigrate.Engine.Contracts;

/// <summary>What becomes of the program once its image is durable.</summary>
public enum AfterSave
{
    /// <summary>Killed: the image is the program now.</summary>
    End,
    LeaveRunning,

    /// <summary>Left stopped, as by SIGSTOP.</summary>
    LeaveStopped,
}

public enum SaveMethod
{
    Auto,
    Stop,
    Snapshot,
    Precopy,
}

/// <summary>What becomes of TCP connections whose other end is outside the tree. Those within it are always kept.</summary>
public enum TcpPolicy
{
    /// <summary>Each is a blocker.</summary>
    Refuse,

    /// <summary>The restored program sees them reset by the other side.</summary>
    Close,

    /// <summary>They go on where the image is restored, which must have their local address.</summary>
    Migrate,
}

public sealed record SaveOptions
{
    public required IReadOnlyList<int> Pids { get; init; }

    /// <summary>Path of the image; null: NAME-PID-YYYYMMDDTHHMMSS.pmi in the current folder. Never overwritten unless <see cref="Force"/>.</summary>
    public string? OutputPath { get; init; }
    public AfterSave After { get; init; } = AfterSave.End;
    public bool Children { get; init; } = true;
    public SaveMethod Method { get; init; } = SaveMethod.Auto;
    public TcpPolicy Tcp { get; init; } = TcpPolicy.Refuse;

    /// <summary>What a restore makes of terminals outside the tree where it is not told: null (/dev/null) or a path; null: its own default.</summary>
    public string? Terminal { get; init; }
    public bool Force { get; init; }

    /// <summary>The files that the tree uses go into the image, too.</summary>
    public bool Bundle { get; init; }

    /// <summary>With <see cref="Bundle"/>: files and folders that go along besides.</summary>
    public IReadOnlyList<string> Include { get; init; } = [];

    /// <summary>With <see cref="Bundle"/>: files and folders that stay behind; the other host must have them.</summary>
    public IReadOnlyList<string> Exclude { get; init; } = [];

    /// <summary>Memory and content of files are stored in LZ4 blocks.</summary>
    public bool Compress { get; init; }

    /// <summary>Takes the tree over; then nothing is written here, and <see cref="OutputPath"/> and <see cref="After"/> have no meaning.</summary>
    public Handover? Handover { get; init; }
}

/// <summary>The files with content that a bundle holds; hard links count once, folders and symbolic links not.</summary>
/// <param name="Bytes">What they take without their holes.</param>
public sealed record BundleContents(IReadOnlyList<BundledFile> Files, long Bytes);

/// <summary>What a save would meet with. Bundle: what it would carry of files, where that was asked for.</summary>
public sealed record ProcessCheck(IReadOnlyList<Blocker> Blockers, BundleContents? Bundle)
{
    /// <summary>What would not stand in the way, and is good to know before.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];
}

/// <summary>A file of a bundle, by its original path.</summary>
public sealed record BundledFile(string Path, long Bytes);

/// <summary>Where the work is: <paramref name="Done"/> of <paramref name="Total"/> bytes of a phase.</summary>
public readonly record struct EngineProgress(string Phase, long Done, long Total);

/// <param name="InnerPid">What the process is called in the pid namespace that was made for the tree; null where none was.</param>
public sealed record ProcessSummary(int Pid, string Name, int Threads, int? InnerPid = null);

/// <summary>Milliseconds by phase; a phase that did not happen is absent.</summary>
public sealed class Timings : Dictionary<string, double>;

public sealed record SaveResult(
    int Pid, IReadOnlyList<ProcessSummary> Processes, string ImagePath, Guid ImageId, long ImageBytes, long MemoryBytes,
    Timings Timings, IReadOnlyList<string> Warnings)
{
    /// <summary>What the image carries of files; null where it is no bundle.</summary>
    public BundleContents? Bundle { get; init; }

    /// <summary>In a pid namespace of the tree's own: what its root is called there.</summary>
    public int? InnerPid { get; init; }
}
