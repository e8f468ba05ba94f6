using ProcMigrate.Linux.X64;

namespace ProcMigrate.Linux.Processes;

/// <summary>get_robust_list(2): futexes to release when a thread dies.</summary>
public static unsafe class RobustList
{
    public static (ulong Head, ulong Length) Of(int tid)
    {
        ulong head = 0, length = 0;
        RawSyscall.Call(SyscallNumber.get_robust_list, $"thread {tid}", tid, (nint)(&head), (nint)(&length));
        return (head, length);
    }
}
