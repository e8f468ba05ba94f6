using ProcMigrate.Linux.X64;

namespace ProcMigrate.Linux.Processes;

/// <summary>A scope in which the calling thread holds a signal back.</summary>
public sealed unsafe class SignalBlock : IDisposable
{
    public const int SIGTTOU = 22;

    private const int SIG_BLOCK = 0;
    private const int SIG_SETMASK = 2;
    private readonly ulong _before;

    private SignalBlock(ulong before) => _before = before;

    public static SignalBlock Enter(int signal)
    {
        ulong mask = 1UL << (signal - 1), before;
        RawSyscall.Call(SyscallNumber.rt_sigprocmask, "this thread", SIG_BLOCK, (nint)(&mask), (nint)(&before), sizeof(ulong));
        return new SignalBlock(before);
    }

    public void Dispose()
    {
        ulong before = _before;
        RawSyscall.Call(SyscallNumber.rt_sigprocmask, "this thread", SIG_SETMASK, (nint)(&before), 0, sizeof(ulong));
    }
}
