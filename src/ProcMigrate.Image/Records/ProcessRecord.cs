using System.Text.Json;

namespace ProcMigrate.Image.Records;

/// <summary>One process of the tree.</summary>
public sealed record ProcessRecord
{
    private const int SIGSTOP = 19;

    public required int Pid { get; init; }
    public required int ParentPid { get; init; }
    public required int GroupId { get; init; }
    public required int SessionId { get; init; }

    /// <summary>
    /// What it shares with its parent, as flags of clone(2): CLONE_VM (then its memory is stored with the parent's), CLONE_FS,
    /// CLONE_FILES, CLONE_SIGHAND, CLONE_SYSVSEM.
    /// </summary>
    public int SharedWithParent { get; init; }

    /// <summary>comm of the leader.</summary>
    public required string Name { get; init; }
    public required IReadOnlyList<string> CommandLine { get; init; }

    /// <summary>Bytes of non-zero memory stored for this process.</summary>
    public required long MemoryBytes { get; init; }

    public required MemoryLayoutRecord Layout { get; init; }

    /// <summary>Object (kind <c>file</c>) behind /proc/PID/exe.</summary>
    public required int ExecutableObject { get; init; }

    /// <summary>Object (kind <c>file</c>) that is the working folder.</summary>
    public required int WorkingFolderObject { get; init; }

    /// <summary>Object (kind <c>file</c>) that is the root folder.</summary>
    public required int RootFolderObject { get; init; }
    public required IReadOnlyList<MappingRecord> Mappings { get; init; }
    public required IReadOnlyList<ThreadRecord> Threads { get; init; }
    public required IReadOnlyList<DescriptorRecord> Descriptors { get; init; }

    /// <summary>Handlers other than SIG_DFL without flags.</summary>
    public required IReadOnlyList<SignalActionRecord> SignalActions { get; init; }

    /// <summary>siginfo_t of each signal pending for the whole process, 128 bytes each, in queue order.</summary>
    public required IReadOnlyList<byte[]> PendingSignals { get; init; }

    public required IReadOnlyList<LimitRecord> Limits { get; init; }
    public required IReadOnlyList<IntervalTimerRecord> IntervalTimers { get; init; }
    public required int Umask { get; init; }
    public required uint Personality { get; init; }
    public required int OomScoreAdjust { get; init; }

    /// <summary>/proc/PID/coredump_filter: which mappings a core dump holds (core(5)).</summary>
    public uint CoreDumpFilter { get; init; } = 0x33;

    /// <summary>PR_GET_DUMPABLE.</summary>
    public required int Dumpable { get; init; }
    public required bool ChildSubreaper { get; init; }
    public required bool TransparentHugePagesDisabled { get; init; }

    /// <summary>Flags of PR_SET_THP_DISABLE (Linux 6.18): PR_THP_DISABLE_EXCEPT_ADVISED.</summary>
    public int TransparentHugePagesFlags { get; init; }

    /// <summary>Bits of MEMBARRIER_CMD_GET_REGISTRATIONS.</summary>
    public required int MembarrierRegistrations { get; init; }

    /// <summary>What else the process has, by name (POSIX timers, record locks …); each belongs to its aspect of the engine.</summary>
    public IReadOnlyDictionary<string, JsonElement> Aspects { get; init; } = new Dictionary<string, JsonElement>();

    /// <summary>Stopped by a signal (SIGSTOP and its like) when it was saved; it comes back stopped.</summary>
    public required bool Stopped { get; init; }

    /// <summary>The signal that had stopped it, where <see cref="Stopped"/>.</summary>
    public int StopSignal { get; init; } = SIGSTOP;

    /// <summary>Stopped children whose stop this process has been told by wait(2) already.</summary>
    public IReadOnlyList<int> ChildStopsTaken { get; init; } = [];
}

/// <summary>mm_struct's own idea of the address space, as PR_SET_MM_MAP takes it.</summary>
public sealed record MemoryLayoutRecord
{
    public required ulong StartCode { get; init; }
    public required ulong EndCode { get; init; }
    public required ulong StartData { get; init; }
    public required ulong EndData { get; init; }
    public required ulong StartBreak { get; init; }
    public required ulong Break { get; init; }
    public required ulong StartStack { get; init; }
    public required ulong ArgumentStart { get; init; }
    public required ulong ArgumentEnd { get; init; }
    public required ulong EnvironmentStart { get; init; }
    public required ulong EnvironmentEnd { get; init; }

    /// <summary>/proc/PID/auxv, pairs of 8-byte words.</summary>
    public required byte[] AuxiliaryVector { get; init; }
}

/// <summary>A descriptor: a number in the process's table and the open file it stands for.</summary>
public sealed record DescriptorRecord(int Fd, int ObjectId, bool CloseOnExec);

/// <summary>struct sigaction of the kernel.</summary>
public sealed record SignalActionRecord(int Signal, ulong Handler, ulong Flags, ulong Restorer, ulong Mask);

/// <summary>One resource limit; ulong.MaxValue is unlimited.</summary>
public sealed record LimitRecord(int Resource, ulong Soft, ulong Hard);

/// <summary>ITIMER_REAL 0, ITIMER_VIRTUAL 1, ITIMER_PROF 2, with what was left and the interval, in microseconds.</summary>
public sealed record IntervalTimerRecord(int Which, long RemainingUs, long IntervalUs);
