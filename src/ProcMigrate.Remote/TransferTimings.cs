namespace ProcMigrate.Remote;

/// <summary>Milliseconds that the parts of a transfer took.</summary>
/// <param name="ConnectMs">Connection, login, and the check whether the executable is there.</param>
/// <param name="DeployMs">Upload of the executable; 0 where it was there.</param>
/// <param name="TransferMs">The image's bytes, until the last was handed to ssh.</param>
/// <param name="StoreMs">From then until the host had it verified and durable.</param>
public sealed record TransferTimings(double ConnectMs, double DeployMs, double TransferMs, double StoreMs, double TotalMs);
