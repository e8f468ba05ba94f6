namespace ProcMigrate.Engine.Contracts;

/// <summary>Exit codes of the binary, and the class that every failure belongs to.</summary>
public enum FailureClass
{
    Failed = 1,
    Usage = 2,
    Refused = 3,
    ImageUnreadable = 4,
    HostUnreachable = 5,
    PrivilegeMissing = 6,
}

/// <summary>A save, check or restore that did not happen: message for people, stable id for programs.</summary>
public sealed class EngineException : Exception
{
    public EngineException(string id, FailureClass failure, string message, Exception? inner = null)
        : base(message, inner) => (Id, Failure, Blockers) = (id, failure, []);

    public EngineException(IReadOnlyList<Blocker> blockers, string message)
        : base(message) => (Id, Failure, Blockers) = ("Blocked", FailureClass.Refused, blockers);

    /// <summary>Stable id, documented in docs/limits.md: <c>NoSuchProcess</c>, <c>Blocked</c>, <c>PrivilegeMissing</c> …</summary>
    public string Id { get; }
    public FailureClass Failure { get; }

    /// <summary>All blockers where <see cref="Id"/> is <c>Blocked</c>; else empty.</summary>
    public IReadOnlyList<Blocker> Blockers { get; }
}
