using ProcMigrate.Engine.Contracts;

namespace ProcMigrate.Cli.Output;

/// <summary>Shows where the work is. Callable from any thread; after Dispose the screen is as before.</summary>
internal interface IProgressDisplay : IDisposable
{
    void Show(EngineProgress progress);
}
