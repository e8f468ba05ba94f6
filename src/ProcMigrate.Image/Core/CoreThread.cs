namespace ProcMigrate.Image;

/// <summary>A thread of an ELF core.</summary>
public sealed record CoreThread
{
    public required int Tid { get; init; }

    /// <summary>struct user_regs_struct, 216 bytes.</summary>
    public required byte[] Registers { get; init; }

    /// <summary>struct user_fpregs_struct (the FXSAVE area), 512 bytes.</summary>
    public required byte[] FloatingPoint { get; init; }

    /// <summary>The XSAVE area; empty on a processor without XSAVE.</summary>
    public required byte[] ExtendedState { get; init; }
    public required ulong PendingSignals { get; init; }
    public required ulong SignalMask { get; init; }

    /// <summary>The signal that the thread was stopped with, or 0.</summary>
    public required short CurrentSignal { get; init; }

    /// <summary>siginfo_t, 128 bytes, or null.</summary>
    public byte[]? SignalInfo { get; init; }
}
