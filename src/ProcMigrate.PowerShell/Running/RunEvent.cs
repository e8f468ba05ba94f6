namespace ProcMigrate.PowerShell.Running;

/// <summary>Something that a run has said, on its way to the pipeline's thread: progress, a line for debugging, or its answer.</summary>
internal sealed record RunEvent(VerbRun Run, int Number)
{
    public Answer? Progress { get; init; }

    /// <summary>The last event of a run.</summary>
    public Answer? Answer { get; init; }

    /// <summary>Why there is no answer; the last event of a run, too.</summary>
    public Exception? Failure { get; init; }

    /// <summary>The line as the binary wrote it.</summary>
    public string? Line { get; init; }
}
