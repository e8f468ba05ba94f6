using ProcMigrate.Linux.X64;

namespace ProcMigrate.Linux.Processes;

/// <summary>What this process is told of its children and tracees by SIGCHLD.</summary>
public static unsafe class ChildSignals
{
    private const int SIGCHLD = 17;
    private const ulong SA_NOCLDSTOP = 1;

    /// <summary>
    /// No SIGCHLD for stops (SA_NOCLDSTOP, sigaction(2)). The kernel sends one for every stop of a tracee, and .NET's handler
    /// takes two threads to see that it means nothing: a call made by a tracee then takes three times as long. Ends are told as before.
    /// </summary>
    public static void LeaveOutStops()
    {
        KernelSigaction action;
        RawSyscall.Call(SyscallNumber.rt_sigaction, "SIGCHLD", SIGCHLD, 0, (nint)(&action), sizeof(ulong));
        action.flags |= SA_NOCLDSTOP;
        RawSyscall.Call(SyscallNumber.rt_sigaction, "SIGCHLD", SIGCHLD, (nint)(&action), 0, sizeof(ulong));
    }
}
