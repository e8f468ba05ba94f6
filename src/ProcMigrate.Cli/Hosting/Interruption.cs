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

    /// <summary>After so long a verb that has nothing to undo is left, wherever it hangs.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(900);

    private readonly CancellationTokenSource source = new();
    private readonly CancellationTokenSource late = new();
    private readonly PosixSignalRegistration[] registrations;
    private int firstSignal;
    private int teller;

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

    /// <summary>What came of the verb is told by one only, whoever is first: the verb's end, or the one who leaves it. True for him, each time.</summary>
    public bool Tells(bool leaving)
    {
        int me = leaving ? 2 : 1;
        return Interlocked.CompareExchange(ref teller, me, 0) is var first && (first == 0 || first == me);
    }

    /// <summary>Nothing that the verb does needs to be undone: if it does not come to an end by itself, the process ends as <paramref name="leave"/> does it.</summary>
    public void LeaveIfStuck(Action leave)
    {
        source.Token.Register(() => late.CancelAfter(Patience));
        late.Token.Register(leave);
    }

    /// <summary>What remains is the caller's host letting go.</summary>
    public void LetSignalsPass()
    {
        foreach (var registration in registrations)
            registration.Dispose();
    }

    public void Dispose()
    {
        LetSignalsPass();
        late.Dispose();
        source.Dispose();
    }

    private void Cancel(PosixSignalContext context, int signal)
    {
        context.Cancel = true;
        if (Interlocked.CompareExchange(ref firstSignal, signal, 0) == 0)
            source.Cancel();
    }
}
