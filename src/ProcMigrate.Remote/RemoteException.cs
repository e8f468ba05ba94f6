namespace ProcMigrate.Remote;

/// <summary>A host could not be reached, or its side failed. The message says what, where, why and what to do.</summary>
public sealed class RemoteException : Exception
{
    public RemoteException(RemoteFailure reason, string host, string message, Exception? inner = null)
        : base(message, inner) => (Reason, Host) = (reason, host);

    public RemoteFailure Reason { get; }

    /// <summary>As the target named it.</summary>
    public string Host { get; }

    /// <summary>Stable id for programs, documented in docs/remote.md.</summary>
    public string Id => Reason.ToString();

    /// <summary>The binary's exit code: 2 for a host that is no name, or a patience that is none, 4 for an image that the host found damaged, else 5.</summary>
    public int ExitCode => Reason switch
    {
        RemoteFailure.BadTarget or RemoteFailure.BadPatience => 2,
        RemoteFailure.ImageRejected => 4,
        _ => 5,
    };
}
