namespace ProcMigrate.Remote;

/// <summary>Interrupted, and the host did not say in time that it has undone what it had begun.</summary>
public sealed class UnconfirmedException(string host) : OperationCanceledException(
    $"interrupted; {host} has been told to undo what it began, and did not say in time that it has. It does when it notices; look there what became of it");
