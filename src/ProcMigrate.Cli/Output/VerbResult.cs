using System.Text.Json;
using ProcMigrate.Engine.Contracts;
using ProcMigrate.Image.Records;

namespace ProcMigrate.Cli.Output;

/// <summary>
/// The one line that ends a verb which did its work: <c>{"event":"result","verb":…}</c>. Members that a verb does not know
/// are absent. The same record is read back when the verb ran on another host.
/// </summary>
internal sealed record VerbResult : CliEvent
{
    public required string Verb { get; init; }

    /// <summary>Root of the tree.</summary>
    public int? Pid { get; init; }
    /// <summary>restore --pid-namespace: what the root is called in the tree's own pid namespace.</summary>
    public int? InnerPid { get; init; }
    public IReadOnlyList<ProcessSummary>? Processes { get; init; }
    public ResultImage? Image { get; init; }

    /// <summary>The host the image or the tree is on; absent where it is this one.</summary>
    public string? Host { get; init; }
    public IReadOnlyDictionary<string, double>? Timings { get; init; }

    /// <summary>Non-zero memory of the tree.</summary>
    public long? MemoryBytes { get; init; }

    /// <summary>migrate: bytes that went over the connection; of the image, before any compression; and of these per second while memory was sent.</summary>
    public long? SentBytes { get; init; }
    public long? ImageBytes { get; init; }
    public long? BytesPerSecond { get; init; }
    public IReadOnlyList<string>? Warnings { get; init; }

    /// <summary>check and inspect: what stands in the way; an empty array is good news.</summary>
    public IReadOnlyList<Blocker>? Blockers { get; init; }

    /// <summary>inspect: why the blockers could not be found out.</summary>
    public string? BlockersUnknown { get; init; }

    /// <summary>inspect: what is in the image.</summary>
    public ImageContents? Contents { get; init; }

    /// <summary>save and check: the files that the image carries or would; absent without --bundle.</summary>
    public BundleContents? Bundle { get; init; }

    /// <summary>restore of a bundle, export --files: where its files are now.</summary>
    public RestoredFiles? Files { get; init; }

    /// <summary>doctor.</summary>
    public IReadOnlyList<DoctorFinding>? Findings { get; init; }

    /// <summary>restore --wait: the program's exit status, 128 + signal if it was killed.</summary>
    public int? ExitCode { get; init; }

    /// <summary>restore: when the root started, in clock ticks since boot; with the pid, the identity of the process.</summary>
    public long? StartTicks { get; init; }

    /// <summary>export --core: the file written.</summary>
    public string? Core { get; init; }

    /// <summary>export --json: everything the image says about the tree besides its memory.</summary>
    public Dictionary<string, JsonElement>? Tree { get; init; }
}
