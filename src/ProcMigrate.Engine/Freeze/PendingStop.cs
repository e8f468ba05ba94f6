using ProcMigrate.Linux.Processes;
using ProcMigrate.Linux.Ptrace;

namespace ProcMigrate.Engine.Freeze;

/// <summary>
/// A stop signal that waits behind our own stop of a process: should we die, the process stops by it before its next instruction,
/// instead of running on. (Every thread that ptrace lets go of looks for signals first; the first that does takes this one, and the
/// kernel stops the others where they are.)
/// </summary>
internal static class PendingStop
{
    private const int SIGSTOP = 19;

    /// <returns>False where one waits already: it is the program's own, and not to be taken back.</returns>
    public static bool Send(int pid)
    {
        foreach (byte[] info in Tracer.PeekSignals(pid, shared: true))
        {
            if (SignalInfo.FromBytes(info).si_signo == SIGSTOP)
                return false;
        }
        using PidFd process = PidFd.Open(pid);
        process.Signal(SIGSTOP);
        return true;
    }

    /// <summary>
    /// Has the main thread come upon the signal, and takes it away. Signals of the program that stand before it take their course; no
    /// instruction of the program is executed. The thread may then be let go as from any stop.
    /// </summary>
    public static void TakeBack(int pid)
    {
        int signal = 0;
        while (true)
        {
            if (Tracer.TryRequest(PtraceRequest.PTRACE_CONT, pid, 0, signal) < 0)
                return; // Killed by someone else.
            WaitStatus status = Tracer.Wait(pid);
            if (status.Ended || status.IsSignalDelivery && status.StopSignal == SIGSTOP)
                return;
            signal = status.IsSignalDelivery ? status.StopSignal : 0;
        }
    }
}
