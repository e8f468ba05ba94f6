using System.Text.Json;

namespace ProcMigrate.PowerShell.Running;

/// <summary>One line of <c>procmigrate VERB --json</c>; what belongs to another event is null.</summary>
internal sealed record Answer
{
    public required string Event { get; init; }

    // progress
    public string? Phase { get; init; }
    public long Done { get; init; }
    public long Total { get; init; }

    // result
    public int? Pid { get; init; }
    public IReadOnlyList<AnswerProcess>? Processes { get; init; }
    public AnswerImage? Image { get; init; }
    public string? Host { get; init; }
    public Dictionary<string, double>? Timings { get; init; }
    public long? MemoryBytes { get; init; }
    public IReadOnlyList<string>? Warnings { get; init; }
    public AnswerContents? Contents { get; init; }
    public string? BlockersUnknown { get; init; }
    public IReadOnlyList<AnswerFinding>? Findings { get; init; }
    public string? Core { get; init; }
    public AnswerBundle? Bundle { get; init; }
    public AnswerFiles? Files { get; init; }

    /// <summary>Of restore in a pid namespace: the root's pid in it.</summary>
    public int? InnerPid { get; init; }

    /// <summary>Of restore: with the pid, the identity of the root.</summary>
    public long? StartTicks { get; init; }

    /// <summary>Of inspect --detailed: the image's own records.</summary>
    public JsonElement? Tree { get; init; }

    // error
    public string? Id { get; init; }
    public string? Message { get; init; }

    /// <summary>Of an error, and of the result of check and inspect.</summary>
    public IReadOnlyList<AnswerBlocker>? Blockers { get; init; }

    /// <summary>Of an error the binary's, of a waited-for restore the program's.</summary>
    public int? ExitCode { get; init; }

    public static Answer Error(string id, int exitCode, string message) =>
        new() { Event = "error", Id = id, ExitCode = exitCode, Message = message };
}

internal sealed record AnswerProcess(int Pid, string Name, int Threads);

internal sealed record AnswerImage(string Path, Guid Id, long Bytes, DateTimeOffset? SavedAt, string? Origin);

internal sealed record AnswerBlocker(string Id, int? Pid, int? Fd, string What, string Why, string Remedy);

internal sealed record AnswerFinding(string Topic, bool Available, bool Needed, string Detail, string Remedy);

/// <summary>What inspect tells of an image.</summary>
internal sealed record AnswerContents(
    DateTimeOffset SavedAt, string Tool, string Method, AnswerOrigin Origin, IReadOnlyList<AnswerProcessContents> Processes,
    IReadOnlyList<string> Files, IReadOnlyList<AnswerObjects> Objects, AnswerBundle? Bundle);

internal sealed record AnswerOrigin(string HostName, string KernelRelease, string CpuModel);

internal sealed record AnswerProcessContents(
    int Pid, int ParentPid, string Name, IReadOnlyList<string> CommandLine, long MemoryBytes, bool Stopped,
    IReadOnlyList<AnswerThread> Threads, IReadOnlyList<AnswerMemory> Memory, IReadOnlyList<AnswerDescriptor> Descriptors,
    IReadOnlyList<AnswerMemory>? Mappings, IReadOnlyList<string>? Environment);

internal sealed record AnswerThread(int Tid, string Name);

internal sealed record AnswerMemory(string Sort, int Mappings, long Bytes, long StoredBytes);

internal sealed record AnswerDescriptor(int Fd, string Kind, string Title);

internal sealed record AnswerBundle(IReadOnlyList<AnswerBundledFile> Files, long Bytes);

internal sealed record AnswerBundledFile(string Path, long Bytes);

/// <summary>Where the files of a bundle are now.</summary>
internal sealed record AnswerFiles(string? Folder, string? Table, int Count, IReadOnlyList<AnswerName>? Names);

internal sealed record AnswerName(string Old, string New);

internal sealed record AnswerObjects(string Kind, int Count);
