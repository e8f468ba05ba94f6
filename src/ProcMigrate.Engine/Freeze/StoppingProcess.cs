namespace ProcMigrate.Engine.Freeze;

/// <summary>A process on its way to standing still.</summary>
/// <param name="parent">0 for the root of a tree.</param>
internal sealed class StoppingProcess(int pid, int parent)
{
    public int Pid { get; } = pid;

    public int Parent { get; } = parent;

    /// <summary>Threads that stand.</summary>
    public Dictionary<int, TracedThread> Stopped { get; } = [];

    /// <summary>Threads that have been told to.</summary>
    public List<int> Stopping { get; set; } = [];
}
