using ProcMigrate.Cli.Hosting;
using ProcMigrate.Engine.Contracts;

namespace ProcMigrate.Cli.Verbs;

/// <summary>What a verb works with.</summary>
internal sealed record VerbContext(IEngine Engine, IHosts Hosts, Action<EngineProgress> Progress, CancellationToken Cancel)
{
    /// <summary>From now on SIGINT and its like are no reason to cancel: they are meant for the program that is waited for.</summary>
    public Action? LetSignalsPass { get; init; }
}
