namespace ProcMigrate.Tests.Remote;

/// <summary>A stream on which nothing ever comes, as from a host whose cable was pulled.</summary>
internal sealed class SilentStream : MemoryStream
{
    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        await Task.Delay(Timeout.Infinite, cancellationToken);
        return 0;
    }
}
