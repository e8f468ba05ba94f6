using ProcMigrate.Remote;
using ProcMigrate.Remote.Migration;
using ProcMigrate.Remote.Transfer;

namespace ProcMigrate.Cli.Hosting;

/// <summary>Hosts over the system's ssh.</summary>
internal sealed class SshHosts : IHosts
{
    public SendResult Send(
        string imagePath, SshTarget target, string? to, Compression compression, Action<TransferProgress> progress, CancellationToken cancel) =>
        RemoteImages.Send(imagePath, target, to, progress, cancel, compression);

    public RemoteOutcome Run(
        SshTarget target, IReadOnlyList<string> verbArguments, Action<string> onLine, CancellationToken cancel) =>
        RemoteImages.Run(target, verbArguments, onLine, cancel);

    public HostMigration Migrate(
        MigrationSettings settings, bool check, Func<string, Exception> failed, Action<TransferProgress> progress, CancellationToken cancel) =>
        HostMigration.Connect(settings, check, failed, progress, cancel);

    public ReceiveResult? Receive(string? to, Func<string, Guid> verify, IFarEngine engine, CancellationToken cancel)
    {
        using var input = Console.OpenStandardInput();
        using var output = Console.OpenStandardOutput();
        return RemoteImages.Receive(input, output, to, verify, engine, cancel);
    }
}
