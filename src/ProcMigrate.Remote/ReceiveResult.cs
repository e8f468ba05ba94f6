namespace ProcMigrate.Remote;

/// <summary>An image that was received, verified and made durable here.</summary>
/// <param name="AlreadyThere">The same image lay under that name before; nothing was received.</param>
public sealed record ReceiveResult(string Path, Guid ImageId, long Bytes, bool AlreadyThere);
