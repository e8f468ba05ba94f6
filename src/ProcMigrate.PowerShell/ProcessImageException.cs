namespace ProcMigrate;

/// <summary>A save, send or restore that did not happen.</summary>
public sealed class ProcessImageException : Exception
{
    public ProcessImageException(string message, int exitCode, IReadOnlyList<ImageBlocker> blockers)
        : base(message) => (ExitCode, Blockers) = (exitCode, blockers);

    /// <summary>The binary's.</summary>
    public int ExitCode { get; }

    /// <summary>Those of the same id; empty where something else went wrong.</summary>
    public IReadOnlyList<ImageBlocker> Blockers { get; }
}
