using ProcMigrate.Engine.Contracts;

namespace ProcMigrate.Cli.Output;

/// <summary>The one line that ends a verb which did not do its work.</summary>
/// <param name="Id">Stable, documented in docs/limits.md.</param>
/// <param name="Message">For people.</param>
/// <param name="Blockers">All of them where <paramref name="Id"/> is <c>Blocked</c>; else empty.</param>
/// <param name="ExitCode">What the process ends with.</param>
internal sealed record ErrorEvent(string Id, string Message, IReadOnlyList<Blocker> Blockers, int ExitCode) : CliEvent
{
    /// <summary>The host that the error comes from; absent where it is this one.</summary>
    public string? Host { get; init; }
}
