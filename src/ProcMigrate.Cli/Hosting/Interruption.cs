using System.Runtime.InteropServices;
using ProcMigrate.Remote;

namespace ProcMigrate.Cli.Hosting;

/// <summary>
/// Turns SIGINT, SIGTERM, SIGHUP and the caller's host letting go into a cancellation, so that a verb undoes what it began before the process ends.
/// A second signal changes nothing: to leave in the middle of undoing is what SIGKILL is for, and safe too.
/// </summary>
internal sealed class Interruption : IDisposable
{
    private const int ShellSignalBase = 128;
    private const int SIGHUP = 1;
    private const int SIGINT = 2;
    private const int SIGTERM = 15;

    private readonly CancellationTokenSource source = new();
    private readonly PosixSignalRegistration[] registrations;
    private int firstSignal;

    public Interruption()
    {
        registrations =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, signal => Cancel(signal, SIGINT)),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, signal => Cancel(signal, SIGTERM)),
            PosixSignalRegistration.Create(PosixSignal.SIGHUP, signal => Cancel(signal, SIGHUP)),
        ];
        RemoteLifeline.Watch(source);
    }

    public CancellationToken Token => source.Token;

    /// <summary>What shells expect of a process that ended because of the signal; SIGINT's where none came.</summary>
    public int ExitCode => ShellSignalBase + (firstSignal == 0 ? SIGINT : firstSignal);

    /// <summary>What remains is the caller's host letting go.</summary>
    public void LetSignalsPass()
    {
        foreach (var registration in registrations)
            registration.Dispose();
    }

    public void Dispose()
    {
        LetSignalsPass();
        source.Dispose();
    }

    private void Cancel(PosixSignalContext context, int signal)
    {
        context.Cancel = true;
        if (Interlocked.CompareExchange(ref firstSignal, signal, 0) == 0)
            source.Cancel();
    }
}
