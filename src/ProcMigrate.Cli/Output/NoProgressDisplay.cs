using ProcMigrate.Engine.Contracts;

namespace ProcMigrate.Cli.Output;

/// <summary>Where stderr is no terminal, a bar would only fill a log.</summary>
internal sealed class NoProgressDisplay : IProgressDisplay
{
    public void Show(EngineProgress progress)
    {
    }

    public void Dispose()
    {
    }
}
