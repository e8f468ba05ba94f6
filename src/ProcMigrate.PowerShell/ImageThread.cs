namespace ProcMigrate;

/// <summary>One thread of a process in an image.</summary>
public sealed class ImageThread
{
    public required int ProcessId { get; init; }

    public required int ThreadId { get; init; }

    public required string ThreadName { get; init; }

    /// <summary>Where it goes on.</summary>
    public ulong InstructionPointer { get; init; }

    public ulong StackPointer { get; init; }

    /// <summary>The mapping that <see cref="InstructionPointer"/> is in, by its file or name.</summary>
    public string? Code { get; init; }

    public int UserId { get; init; }

    /// <summary>SCHED_OTHER, SCHED_FIFO …</summary>
    public string? Policy { get; init; }

    public int Nice { get; init; }

    /// <summary>Signals that it blocks, a bit each: bit 0 is signal 1.</summary>
    public ulong SignalMask { get; init; }

    public int PendingSignals { get; init; }

    public override string ToString() => $"{ThreadName} ({ThreadId})";
}
