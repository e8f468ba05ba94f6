namespace ProcMigrate.PowerShell.Running;

/// <summary>A run of the binary that a cmdlet asks for, and what it does with the result.</summary>
/// <param name="Activity">What progress is headed with.</param>
/// <param name="Target">The error records' target object.</param>
/// <param name="OnResult">Called on the pipeline's thread.</param>
internal sealed record VerbRun(VerbArguments Verb, string Activity, object? Target, Action<Answer> OnResult)
{
    /// <summary>Work of another host, mostly waiting: several at once are done without being asked for.</summary>
    public bool Elsewhere { get; init; }

    /// <summary>Another way to do it than by the binary.</summary>
    public Func<IRun>? Otherwise { get; init; }

    /// <summary>Called on the pipeline's thread with an error; null: it is written as error records.</summary>
    public Action<Answer>? OnError { get; init; }
}
