using ProcMigrate.Image.Records;

namespace ProcMigrate.Engine.Restore.Births;

/// <summary>A process that is to be born, by the numbers that decide where.</summary>
/// <param name="SessionId">0 for a session of another pid namespace; so is <paramref name="GroupId"/>.</param>
internal sealed record Birth(int Pid, int ParentPid, int GroupId, int SessionId)
{
    /// <summary>For a process that is born in whatever session its mother is in: it founds one of its own, and none of its children cares.</summary>
    public const int AnySession = -1;

    public bool LeadsSession => SessionId == Pid;

    public bool LeadsGroup => GroupId == Pid;

    /// <summary>Its parent is not in the tree.</summary>
    public bool IsRoot { get; init; }

    /// <summary>Null for one that is to be a zombie.</summary>
    public ProcessRecord? Record { get; init; }

    /// <summary>All processes of a tree, parents before children.</summary>
    public static List<Birth> AllOf(TreeRecord tree) =>
        AllOf(tree.Processes, tree.Zombies, p => p.Pid == tree.Processes[0].Pid || tree.FurtherRoots.Contains(p.Pid));

    public static List<Birth> AllOf(IReadOnlyList<ProcessRecord> processes, IReadOnlyList<ZombieRecord> zombies, Func<ProcessRecord, bool> isRoot) =>
    [
        .. processes.Select(p => new Birth(p.Pid, p.ParentPid, p.GroupId, p.SessionId) { Record = p, IsRoot = isRoot(p) }),
        .. zombies.Select(z => new Birth(z.Pid, z.ParentPid, z.GroupId, z.SessionId)),
    ];
}
