namespace ProcMigrate.Engine.Contracts;

/// <summary>
/// Stands between a tree that is complete and its first instruction: the far side of <see cref="Handover"/>. Called in this order; an
/// exception of any of them ends the tree.
/// </summary>
/// <param name="Await">The tree is complete and held, and dies with this process. Returns when it may run.</param>
/// <param name="Prepare">Gets the processes that are from now on only stopped if this process dies, by pid; false for one that is to stay stopped anyhow.</param>
/// <param name="Commit">Decides that it runs. Returning is the decision: no failure takes it back.</param>
public sealed record ReleaseGate(Action Await, Action<IReadOnlyList<(int Pid, bool Runs)>> Prepare, Action Commit);
