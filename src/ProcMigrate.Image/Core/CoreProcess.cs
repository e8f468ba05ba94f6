namespace ProcMigrate.Image;

/// <summary>What a debugger wants to know of a process: the contents of the notes of its ELF core.</summary>
public sealed record CoreProcess
{
    public required int Pid { get; init; }
    public required int ParentPid { get; init; }
    public required int GroupId { get; init; }
    public required int SessionId { get; init; }
    public required uint Uid { get; init; }
    public required uint Gid { get; init; }

    /// <summary>comm; 15 bytes of it are kept.</summary>
    public required string Name { get; init; }

    /// <summary>The command line with blanks between the arguments; 79 bytes of it are kept.</summary>
    public required string Arguments { get; init; }

    /// <summary>The letter of /proc/PID/stat.</summary>
    public required char State { get; init; }
    public required int Nice { get; init; }

    /// <summary>/proc/PID/auxv as it is.</summary>
    public required byte[] AuxiliaryVector { get; init; }

    /// <summary>Mapped files.</summary>
    public required IReadOnlyList<CoreFile> Files { get; init; }

    /// <summary>At least one; a debugger selects the first.</summary>
    public required IReadOnlyList<CoreThread> Threads { get; init; }
}
