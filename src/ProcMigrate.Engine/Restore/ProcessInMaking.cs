using ProcMigrate.Image.Records;

namespace ProcMigrate.Engine.Restore;

/// <summary>A process being restored, for those who must have it make calls of its own.</summary>
/// <param name="Leader">Its main thread.</param>
/// <param name="Threads">All its threads in the record's order; only the leader before they are made.</param>
/// <param name="Calls">Many calls of the leader in one go; run it before relying on an effect.</param>
internal sealed record ProcessInMaking(
    ProcessRecord Record, OwnedThread Leader, IReadOnlyList<OwnedThread> Threads, RestorerArea Area, CallTable Calls, RestoreContext Context);
