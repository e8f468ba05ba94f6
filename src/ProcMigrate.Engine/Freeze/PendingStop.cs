using ProcMigrate.Linux;
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
    private static readonly TimeSpan StopComesWithin = TimeSpan.FromMilliseconds(300);

    /// <returns>False where one waits already: it is the program's own, and not to be taken back.</returns>
    public static bool Send(int pid)
    {
        if (Tracer.PeekSignals(pid, shared: true).Any(IsStop))
            return false;
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
        while (Waits(pid))
        {
            long result = Tracer.TryRequest(PtraceRequest.PTRACE_CONT, pid, 0, signal);
            // Killed meanwhile. Any other failure leaves the stop where it is: whoever let go now would leave the process stopped.
            if (result == -Errno.ESRCH)
                return;
            RawSyscall.Check(result, "PTRACE_CONT", $"process {pid}");
            WaitStatus status = NextStop(pid);
            if (status.Ended || status.IsSignalDelivery && status.StopSignal == SIGSTOP)
                return;
            signal = status.IsSignalDelivery ? status.StopSignal : 0;
        }
    }

    /// <summary>False where somebody has sent SIGCONT, which takes it away (signal(7)), or killed the process.</summary>
    private static bool Waits(int pid)
    {
        try
        {
            return Tracer.PeekSignals(pid, shared: true).Any(IsStop);
        }
        catch (LinuxException e) when (e.Errno == Errno.ESRCH)
        {
            return false;
        }
    }

    /// <summary>Should a SIGCONT have come in the very moment, the process runs, and is stopped as at the freeze.</summary>
    private static WaitStatus NextStop(int pid)
    {
        while (true)
        {
            if (Tracer.Wait(pid, StopComesWithin) is { } status)
                return status;
            Tracer.TryRequest(PtraceRequest.PTRACE_INTERRUPT, pid, 0, 0);
        }
    }

    private static bool IsStop(byte[] info) => SignalInfo.FromBytes(info).si_signo == SIGSTOP;
}
