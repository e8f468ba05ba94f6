namespace ProcMigrate.Remote;

/// <summary>An image that now lies on a host, verified and durable.</summary>
/// <param name="Host">As the target named it.</param>
/// <param name="Path">Absolute path there.</param>
/// <param name="AlreadyThere">The same image lay there under that name before; nothing was sent.</param>
public sealed record SendResult(string Host, string Path, Guid ImageId, long Bytes, bool AlreadyThere, TransferTimings Timings)
{
    /// <summary>Bytes that went over the connection.</summary>
    public long SentBytes { get; init; }

    /// <summary>Where the transfer began: what had come there before a connection was cut is not sent again.</summary>
    public long ResumedAt { get; init; }
}
