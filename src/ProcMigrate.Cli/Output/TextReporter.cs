using ProcMigrate.Engine.Contracts;

namespace ProcMigrate.Cli.Output;

/// <summary>Text for people: results on stdout, the rest on stderr, a progress bar where stderr is a terminal.</summary>
internal sealed class TextReporter(TextWriter output, TextWriter error, IProgressDisplay progressDisplay) : IReporter
{
    public void Progress(EngineProgress progress) => progressDisplay.Show(progress);

    public void Result(VerbResult result, IResultText text)
    {
        progressDisplay.Dispose();
        text.Write(result, output);
        foreach (var warning in result.Warnings ?? [])
            error.WriteLine($"procmigrate: warning: {warning}");
    }

    public void Error(ErrorEvent failure)
    {
        progressDisplay.Dispose();
        var where = failure.Host is null ? "" : $"{failure.Host}: ";
        error.WriteLine($"procmigrate: {where}{failure.Message}");
        BlockerText.Write(failure.Blockers, error);
    }

    public void Dispose() => progressDisplay.Dispose();
}
