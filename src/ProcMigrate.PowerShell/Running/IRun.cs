namespace ProcMigrate.PowerShell.Running;

/// <summary>A piece of work that a <see cref="RunPool"/> does on a thread of its own.</summary>
internal interface IRun : IDisposable
{
    /// <summary>Does it to its end; the answer is a result or an error.</summary>
    /// <param name="onProgress">Called on this thread.</param>
    /// <param name="onLine">Gets every line of JSON as it is.</param>
    Answer Run(Action<Answer> onProgress, Action<string>? onLine = null);

    /// <summary>Asks it to undo what it began and end; callable from another thread, before, during and after the run.</summary>
    void Interrupt();
}
