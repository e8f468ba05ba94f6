using ProcMigrate.Engine.Contracts;

namespace ProcMigrate.Cli.Output;

/// <summary>One JSON object per line on stdout.</summary>
internal sealed class JsonReporter(string verb, TextWriter output, TimeProvider clock) : IReporter
{
    private readonly Lock gate = new();
    private readonly ProgressThrottle throttle = new(clock);

    public void Progress(EngineProgress progress)
    {
        lock (gate)
        {
            if (throttle.IsDue())
                Write(new ProgressEvent(verb, progress.Phase, progress.Done, progress.Total));
        }
    }

    public void Result(VerbResult result, IResultText text)
    {
        lock (gate)
            Write(result);
    }

    public void Error(ErrorEvent error)
    {
        lock (gate)
            Write(error);
    }

    public void Dispose()
    {
    }

    private void Write(CliEvent line)
    {
        output.WriteLine(EventLine.Write(line));
        output.Flush();
    }
}
