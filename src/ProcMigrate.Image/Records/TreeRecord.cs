using System.Text.Json;

namespace ProcMigrate.Image.Records;

/// <summary>Everything an image says about the tree besides the bytes of its memory: the root of the JSON behind the cores.</summary>
public sealed record TreeRecord
{
    /// <summary>Identity of this image, made at save time; names the folder its files are unpacked under.</summary>
    public required Guid Id { get; init; }

    /// <summary>When, in UTC, as ISO 8601 has it.</summary>
    public required string SavedAt { get; init; }

    /// <summary>Version of the program that wrote the image.</summary>
    public required string Tool { get; init; }

    /// <summary>How memory was taken: <c>stop</c>, <c>snapshot</c> or <c>precopy</c>.</summary>
    public required string Method { get; init; }

    public required OriginRecord Origin { get; init; }

    /// <summary>What terminals outside the tree become where a restore is not told: <c>null</c> (/dev/null) or a path; absent: the restore's own default.</summary>
    public string? Terminal { get; init; }

    /// <summary>Parents before children; the first is the first root that the image was asked for.</summary>
    public required IReadOnlyList<ProcessRecord> Processes { get; init; }

    /// <summary>Pids of further roots: processes whose parents are not in the image.</summary>
    public IReadOnlyList<int> FurtherRoots { get; init; } = [];

    /// <summary>Ended processes that their parents, which are in <see cref="Processes"/>, have not waited for yet.</summary>
    public IReadOnlyList<ZombieRecord> Zombies { get; init; } = [];

    /// <summary>Every kernel object once; descriptors and mappings refer to <see cref="ObjectRecord.Id"/>.</summary>
    public required IReadOnlyList<ObjectRecord> Objects { get; init; }
}

/// <summary>An ended process: nothing of it is left but its number and how it ended.</summary>
/// <param name="Status">As wait4(2) gives it: exit code times 256, or the signal that killed it.</param>
public sealed record ZombieRecord(int Pid, int ParentPid, int GroupId, int SessionId, string Name, int Status);

/// <summary>The machine and the instant of the save.</summary>
public sealed record OriginRecord
{
    public required string HostName { get; init; }
    public required string KernelRelease { get; init; }

    /// <summary>/proc/sys/kernel/random/boot_id: the same only on the same host since the same boot.</summary>
    public required string BootId { get; init; }

    /// <summary>CLOCK_MONOTONIC, CLOCK_BOOTTIME and CLOCK_REALTIME at the freeze, in nanoseconds.</summary>
    public required long MonotonicNs { get; init; }
    public required long BoottimeNs { get; init; }
    public required long RealtimeNs { get; init; }

    /// <summary>What the time namespace of the saving command added to the first two of these.</summary>
    public long MonotonicOffsetNs { get; init; }
    public long BoottimeOffsetNs { get; init; }
    public required CpuRecord Cpu { get; init; }
}

/// <summary>The processor the tree ran on, as far as programs pick it up from CPUID.</summary>
public sealed record CpuRecord
{
    public required string Vendor { get; init; }
    public required string Model { get; init; }

    /// <summary>Feature names as /proc/cpuinfo spells them.</summary>
    public required IReadOnlyList<string> Features { get; init; }

    /// <summary>XCR0: the state components the kernel enabled.</summary>
    public required ulong Xcr0 { get; init; }

    /// <summary>Layout of the non-compacted XSAVE area (CPUID leaf 0xD), which differs between processors.</summary>
    public required IReadOnlyList<XsaveComponentRecord> XsaveLayout { get; init; }
}

/// <summary>One component of the XSAVE area: its bit in XCR0, offset and size in bytes.</summary>
public sealed record XsaveComponentRecord(int Bit, int Offset, int Size);

/// <summary>One kernel object. <see cref="State"/> belongs to the kind, which alone reads and writes it.</summary>
public sealed record ObjectRecord
{
    /// <summary>1, 2, 3 …; unique in the image.</summary>
    public required int Id { get; init; }

    /// <summary>The kind's stable name: <c>file</c>, <c>memfd</c>, <c>pipe</c> …</summary>
    public required string Kind { get; init; }

    /// <summary>What a person calls it: a path, <c>pipe:[1234]</c>.</summary>
    public required string Title { get; init; }

    public required JsonElement State { get; init; }

    /// <summary>Who gets a signal when something happens to this open file; null: nobody.</summary>
    public SignalOwnerRecord? SignalOwner { get; init; }
}

/// <summary>F_SETOWN_EX, F_SETSIG and O_ASYNC of an open file (fcntl(2)).</summary>
/// <param name="Type">Of <paramref name="Pid"/>: 0 a thread, 1 a process, 2 a process group.</param>
/// <param name="Pid">0: nobody.</param>
/// <param name="Signal">0: SIGIO.</param>
/// <param name="Async">Whether O_ASYNC is set.</param>
public sealed record SignalOwnerRecord(int Type, int Pid, int Signal, bool Async);
