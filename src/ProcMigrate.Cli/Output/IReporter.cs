using ProcMigrate.Engine.Contracts;

namespace ProcMigrate.Cli.Output;

/// <summary>Where a verb says what it does: for people or, with <c>--json</c>, for programs. Callable from any thread.</summary>
internal interface IReporter : IDisposable
{
    void Progress(EngineProgress progress);

    /// <summary>Once, at the end.</summary>
    void Result(VerbResult result, IResultText text);

    /// <summary>Once, at the end, instead of a result.</summary>
    void Error(ErrorEvent error);
}
