using System.Runtime.InteropServices;
using ProcMigrate.Linux;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Restore;

/// <summary>While we wait for another process, the restored root or our own inner half, signals sent to us are meant for it.</summary>
internal sealed class SignalForwarder : IDisposable
{
    private const int SIGHUP = 1;
    private const int SIGINT = 2;
    private const int SIGQUIT = 3;
    private const int SIGUSR1 = 10;
    private const int SIGUSR2 = 12;
    private const int SIGTERM = 15;
    private const int SIGWINCH = 28;

    private readonly List<PosixSignalRegistration> _registrations = [];
    private readonly int _pid;
    private readonly TerminalLoan? _loan;

    public SignalForwarder(int pid, TerminalLoan? loan)
    {
        (_pid, _loan) = (pid, loan);
        Add(PosixSignal.SIGHUP, SIGHUP);
        Add(PosixSignal.SIGINT, SIGINT);
        Add(PosixSignal.SIGQUIT, SIGQUIT);
        Add(PosixSignal.SIGTERM, SIGTERM);
        Add(PosixSignal.SIGWINCH, SIGWINCH);
        Add((PosixSignal)SIGUSR1, SIGUSR1);
        Add((PosixSignal)SIGUSR2, SIGUSR2);
    }

    public void Dispose() => _registrations.ForEach(r => r.Dispose());

    private void Add(PosixSignal signal, int number) => _registrations.Add(PosixSignalRegistration.Create(signal, context =>
    {
        context.Cancel = true;
        // From the keyboard of a shared terminal it has come to the program already.
        if (_loan is { SharesGroup: true } && number is (SIGINT or SIGQUIT or SIGWINCH))
            return;
        // Whatever the answer: that the program has ended, the wait tells.
        RawSyscall.Try(SyscallNumber.kill, _pid, number);
    }));
}
