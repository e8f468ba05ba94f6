namespace ProcMigrate.Remote;

/// <summary>Where a transfer is: <paramref name="Done"/> of <paramref name="Total"/> bytes of a phase.</summary>
/// <param name="Phase"><c>deploy</c> while the executable goes to the host for the first time, then <c>send</c>.</param>
public readonly record struct TransferProgress(string Phase, long Done, long Total);
