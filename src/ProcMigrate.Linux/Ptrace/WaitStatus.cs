namespace ProcMigrate.Linux.Ptrace;

/// <summary>The status word of wait4(2), read as a tracer reads it.</summary>
public readonly record struct WaitStatus(int Value)
{
    private const int SIGKILL = 9;
    private const int SIGTRAP = 5;
    private const int PTRACE_EVENT_STOP = 128;
    private const int PTRACE_EVENT_EXEC = 4;

    /// <summary>Of one that is not there any more, and whose end nobody told us: a thread of a process that was killed.</summary>
    public static WaitStatus Gone { get; } = new(SIGKILL);

    public bool Exited => (Value & 0x7f) == 0;
    public int ExitCode => (Value >> 8) & 0xff;
    public bool Killed => (Value & 0x7f) is not (0 or 0x7f);
    public int TerminationSignal => Value & 0x7f;
    public bool Stopped => (Value & 0xff) == 0x7f;
    public int StopSignal => (Value >> 8) & 0xff;
    public int Event => (Value >> 16) & 0xff;
    public bool Ended => Exited || Killed;

    /// <summary>PTRACE_INTERRUPT, a group-stop, or the first stop of an automatically attached task.</summary>
    public bool IsEventStop => Stopped && Event == PTRACE_EVENT_STOP;

    /// <summary>A group-stop: EVENT_STOP with one of the stopping signals.</summary>
    public bool IsGroupStop => IsEventStop && StopSignal != SIGTRAP;

    /// <summary>With PTRACE_O_TRACESYSGOOD: entry to or exit from a system call.</summary>
    public bool IsSyscallStop => Stopped && StopSignal == (SIGTRAP | 0x80);

    public bool IsExec => Stopped && Event == PTRACE_EVENT_EXEC;

    /// <summary>A signal is about to be delivered and can still be held back.</summary>
    public bool IsSignalDelivery => Stopped && Event == 0 && !IsSyscallStop;

    public override string ToString() =>
        Exited ? $"exited with {ExitCode}"
        : Killed ? $"killed by signal {TerminationSignal}"
        : $"stopped by signal {StopSignal}, event {Event}";
}
