using ProcMigrate.Linux;
using ProcMigrate.Linux.Ptrace;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Restore;

/// <summary>Waits for the end of a child of ours, the restored root or our own inner half, as a shell waits for a job.</summary>
internal sealed class ChildWaiter(int pid, TerminalLoan? loan)
{
    private const int SignalBase = 128;
    private const int SIGCONT = 18;
    private const int SIGSTOP = 19;

    /// <returns>Its exit code, or 128 and the signal that killed it, as shells tell.</returns>
    public int WaitForEnd(Action? running, CancellationToken cancel)
    {
        using var forwarder = new SignalForwarder(pid, loan);
        // Now, not before: in between a signal would meet nobody, and end us.
        running?.Invoke();
        while (true)
        {
            cancel.ThrowIfCancellationRequested();
            if (Tracer.Poll(pid, Tracer.WUNTRACED) is not { } status)
                Thread.Sleep(10);
            else if (status.Ended)
                return status.Exited ? status.ExitCode : SignalBase + status.TerminationSignal;
            else if (loan is { SharesGroup: false })
                StopToo(loan);
        }
    }

    /// <summary>Ctrl-Z stopped the program: the shell that waits for us gets the terminal, and with it the say when to go on.</summary>
    private static void StopToo(TerminalLoan loan)
    {
        loan.TakeBack();
        // To this very thread: a stop that another thread takes may come after the lines below have given the terminal away again.
        nint thread = (nint)RawSyscall.Call(SyscallNumber.gettid, "this thread");
        RawSyscall.Call(SyscallNumber.tgkill, "this thread", Environment.ProcessId, thread, SIGSTOP);
        loan.GiveIfForeground();
        // ESRCH: it was killed while we stood still, and the next wait tells how.
        long result = RawSyscall.Try(SyscallNumber.kill, -loan.Group, SIGCONT);
        if (result != -Errno.ESRCH)
            RawSyscall.Check(result, "kill(SIGCONT)", $"process group {loan.Group}");
    }
}
