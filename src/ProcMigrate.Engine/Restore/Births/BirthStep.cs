namespace ProcMigrate.Engine.Restore.Births;

/// <summary>One thing to do on the way to the processes of a tree; <see cref="BirthPlan"/> puts them into order.</summary>
internal abstract record BirthStep
{
    private BirthStep()
    {
    }

    /// <summary>A process is born by another one (or by the seed, or a helper), in the session that this one is in by then.</summary>
    public sealed record Bear(Birth Child, Mother Mother) : BirthStep;

    /// <summary>setsid(2): a leader founds its session; or a root one in place of the session that it had outside the tree.</summary>
    public sealed record FoundSession(Birth Leader) : BirthStep;

    /// <summary>
    /// A helper is born that ends when it has borne others: the kernel gives these to the nearest subreaper above it, or to init.
    /// </summary>
    /// <param name="Id">1, 2, 3 …</param>
    /// <param name="Founds">The session that it founds in place of a leader that is not in the tree; null: it stays in its mother's.</param>
    /// <param name="Reaper">Who adopts its children; null: who adopts orphans outside the tree.</param>
    public sealed record StartHelper(int Id, Mother Mother, int? Founds, int? Reaper) : BirthStep;

    public sealed record EndHelper(int Id) : BirthStep;

    /// <summary>setpgid(2) by the leader of a process group.</summary>
    public sealed record FoundGroup(int Leader) : BirthStep;

    public sealed record JoinGroup(int Member, int Leader) : BirthStep;

    /// <summary>Into the group of another process, whatever its number is.</summary>
    public sealed record JoinGroupOf(int Member, int Other) : BirthStep;

    /// <summary>A process group whose leader is not in the tree.</summary>
    public sealed record GroupOfAbsent(int Group, IReadOnlyList<int> Members) : BirthStep;
}

/// <summary>Who bears: a process by its pid, a helper by its id, or, with neither, the seed.</summary>
internal readonly record struct Mother(int Pid, int Helper)
{
    public static Mother Seed => default;

    public static Mother Process(int pid) => new(pid, 0);

    public static Mother OfHelper(int id) => new(0, id);
}
