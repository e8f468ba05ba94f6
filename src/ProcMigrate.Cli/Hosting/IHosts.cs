using ProcMigrate.Remote;
using ProcMigrate.Remote.Migration;
using ProcMigrate.Remote.Transfer;

namespace ProcMigrate.Cli.Hosting;

/// <summary>Other hosts as the verbs call them; a seam as <see cref="IEngine"/> is.</summary>
internal interface IHosts
{
    SendResult Send(
        string imagePath, SshTarget target, string? to, Compression compression, Action<TransferProgress> progress, CancellationToken cancel);

    RemoteOutcome Run(SshTarget target, IReadOnlyList<string> verbArguments, Action<string> onLine, CancellationToken cancel);

    HostMigration Migrate(
        MigrationSettings settings, bool check, Func<string, Exception> failed, Action<TransferProgress> progress, CancellationToken cancel);

    ReceiveResult? Receive(string? to, Func<string, Guid> verify, IFarEngine engine, CancellationToken cancel);
}
