using ProcMigrate.PowerShell.Running;

namespace ProcMigrate;

/// <summary>A restored tree on another host. Its methods ask there over ssh.</summary>
/// <remarks>Its numbers and names have names of their own: by Id or ProcessName, Stop-Process would end a process of this host.</remarks>
public sealed class RemoteProcess : RestoredTree
{
    private const string SigKill = "KILL";
    private const string SigTerm = "TERM";

    /// <summary>Process id of the tree's root, there.</summary>
    public required int RemoteId { get; init; }

    /// <summary>Name of the tree's root.</summary>
    public required string RemoteName { get; init; }

    /// <summary>The host it runs on.</summary>
    public required string HostName { get; init; }

    /// <summary>When it was restored.</summary>
    public required DateTimeOffset StartTime { get; init; }

    /// <summary>How long it stood still, where it was moved.</summary>
    public TimeSpan? FreezeTime { get; init; }

    /// <summary>Whether it has ended; asks the host.</summary>
    /// <exception cref="Remote.RemoteException">The host cannot be reached.</exception>
    public bool HasExited => ExitCode is not null || !Shell.IsAlive(Identity);

    internal HostLogin Login { get; init; } = HostLogin.Default;

    /// <summary>Start in clock ticks since the host's boot: a pid alone may belong to another by now.</summary>
    internal long StartTicks { get; init; }

    private FarShell Shell => new(new Place(HostName, Login));

    private FarProcess Identity => new(RemoteId, StartTicks);

    /// <summary>Asks the root to end, by SIGTERM. False where it had ended already.</summary>
    public bool Stop() => Shell.Signal(Identity, SigTerm);

    /// <summary>Ends the root at once, by SIGKILL. False where it had ended already.</summary>
    public bool Kill() => Shell.Signal(Identity, SigKill);

    /// <summary>Returns when it has ended.</summary>
    public void WaitForExit() => WaitForExit(Timeout.Infinite);

    /// <summary>Waits for its end for so many milliseconds; whether it has ended.</summary>
    public bool WaitForExit(int milliseconds) => ExitCode is not null || Shell.WaitForEnd(Identity, milliseconds);

    public override string ToString() => $"{RemoteName} ({RemoteId}) on {HostName}";
}
