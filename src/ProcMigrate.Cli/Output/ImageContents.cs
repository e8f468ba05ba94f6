namespace ProcMigrate.Cli.Output;

/// <summary>What <c>inspect</c> tells of an image.</summary>
internal sealed record ImageContents
{
    public required string SavedAt { get; init; }
    public required string Tool { get; init; }
    public required string Method { get; init; }
    public required ImageOrigin Origin { get; init; }
    public required IReadOnlyList<ProcessContents> Processes { get; init; }

    /// <summary>Files the tree has open, mapped or stands on, each once.</summary>
    public required IReadOnlyList<string> Files { get; init; }

    /// <summary>Kernel objects by kind.</summary>
    public required IReadOnlyList<ObjectContents> Objects { get; init; }
}

/// <summary>Where the tree ran when it was saved.</summary>
internal sealed record ImageOrigin(string HostName, string KernelRelease, string CpuModel);

/// <summary>One process of an image.</summary>
internal sealed record ProcessContents
{
    public required int Pid { get; init; }
    public required int ParentPid { get; init; }
    public required string Name { get; init; }
    public required IReadOnlyList<string> CommandLine { get; init; }
    public required long MemoryBytes { get; init; }
    public required bool Stopped { get; init; }

    /// <summary>As what its threads run, each that is different once; those of the leader first.</summary>
    public IReadOnlyList<RightsContents> Rights { get; init; } = [];
    public required IReadOnlyList<ThreadContents> Threads { get; init; }
    public required IReadOnlyList<MemoryContents> Memory { get; init; }
    public required IReadOnlyList<DescriptorContents> Descriptors { get; init; }

    /// <summary>--detailed: each mapping, by address, one for each in the tree.</summary>
    public IReadOnlyList<MemoryContents>? Mappings { get; init; }

    /// <summary>--detailed: what the process was started with, NAME=VALUE each.</summary>
    public IReadOnlyList<string>? Environment { get; init; }
}

/// <summary>Ids and capabilities of a thread.</summary>
/// <param name="Uids">Real, effective, saved and of the file system; the gids likewise.</param>
/// <param name="Capabilities">Names of those that it has or can take (permitted).</param>
internal sealed record RightsContents(
    IReadOnlyList<uint> Uids, IReadOnlyList<uint> Gids, IReadOnlyList<uint> Groups, IReadOnlyList<string> Capabilities);

internal sealed record ThreadContents(int Tid, string Name);

/// <summary>Mappings of one sort: how many, how much address space, and how much of it the image holds.</summary>
internal sealed record MemoryContents(string Sort, int Mappings, long Bytes, long StoredBytes);

internal sealed record DescriptorContents(int Fd, string Kind, string Title);

/// <summary>How many kernel objects of a kind.</summary>
internal sealed record ObjectContents(string Kind, int Count);
