namespace ProcMigrate.Image.Records;

/// <summary>One thread: what is its own, from registers to scheduling.</summary>
public sealed record ThreadRecord
{
    public required int Tid { get; init; }
    public required string Name { get; init; }

    /// <summary>struct user_regs_struct, as NT_PRSTATUS gives it (216 bytes on x86-64).</summary>
    public required byte[] Registers { get; init; }

    /// <summary>The XSAVE area, as NT_X86_XSTATE gives it.</summary>
    public required byte[] ExtendedState { get; init; }
    public required ulong SignalMask { get; init; }

    /// <summary>siginfo_t of each signal pending for this thread alone, 128 bytes each.</summary>
    public required IReadOnlyList<byte[]> PendingSignals { get; init; }
    public required AlternateStackRecord AlternateStack { get; init; }
    public RseqRecord? Rseq { get; init; }
    public required ulong RobustListHead { get; init; }
    public required ulong RobustListLength { get; init; }
    public required ulong ClearChildTid { get; init; }
    public required CredentialsRecord Credentials { get; init; }
    public required SchedulingRecord Scheduling { get; init; }
    public required int ParentDeathSignal { get; init; }

    /// <summary>PR_MCE_KILL_GET: 0 late, 1 early, 2 the system's default.</summary>
    public int MachineCheckPolicy { get; init; } = 2;

    /// <summary>PR_GET_IO_FLUSHER.</summary>
    public bool IoFlusher { get; init; }

    /// <summary>Working folder (object) and umask of a thread that has left its process's (unshare(2) with CLONE_FS); else null.</summary>
    public int? WorkingFolderObject { get; init; }
    public int? Umask { get; init; }

    /// <summary>A system call that sleeps for a time, which the restored thread must go on with; null where registers say it all.</summary>
    public TimedCallRecord? TimedCall { get; init; }
}

/// <summary>stack_t: sigaltstack.</summary>
public sealed record AlternateStackRecord(ulong Address, int Flags, ulong Size);

/// <summary>Registration of restartable sequences.</summary>
public sealed record RseqRecord(ulong Address, uint Size, uint Signature, uint Flags);

/// <summary>A system call interrupted with ERESTART_RESTARTBLOCK, which is armed anew on restore.</summary>
/// <param name="Number">System call number.</param>
/// <param name="RemainingNs">What was left of its time, in nanoseconds; negative when not known: then the call's own argument holds.</param>
public sealed record TimedCallRecord(int Number, long RemainingNs);

/// <summary>Credentials of a thread. Capability sets are 64-bit masks.</summary>
public sealed record CredentialsRecord
{
    public required uint RealUid { get; init; }
    public required uint EffectiveUid { get; init; }
    public required uint SavedUid { get; init; }
    public required uint FileUid { get; init; }
    public required uint RealGid { get; init; }
    public required uint EffectiveGid { get; init; }
    public required uint SavedGid { get; init; }
    public required uint FileGid { get; init; }
    public required IReadOnlyList<uint> Groups { get; init; }
    public required ulong Inheritable { get; init; }
    public required ulong Permitted { get; init; }
    public required ulong Effective { get; init; }
    public required ulong Bounding { get; init; }
    public required ulong Ambient { get; init; }
    public required uint SecureBits { get; init; }
    public required bool NoNewPrivileges { get; init; }
}

/// <summary>Scheduling of a thread.</summary>
public sealed record SchedulingRecord
{
    public required uint Policy { get; init; }
    public required ulong Flags { get; init; }
    public required int Nice { get; init; }
    public required uint Priority { get; init; }
    public required ulong RuntimeNs { get; init; }
    public required ulong DeadlineNs { get; init; }
    public required ulong PeriodNs { get; init; }

    /// <summary>cpu_set_t as bytes, least significant bit CPU 0.</summary>
    public required byte[] Affinity { get; init; }

    /// <summary>True where the mask held every CPU of the host: then it holds every CPU of the new host too.</summary>
    public required bool AllCpus { get; init; }
    public required int IoPriority { get; init; }
    public required ulong TimerSlackNs { get; init; }
}
