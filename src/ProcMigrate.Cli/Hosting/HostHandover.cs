using ProcMigrate.Cli.Output;
using ProcMigrate.Engine.Contracts;
using ProcMigrate.Image;
using ProcMigrate.Remote;
using ProcMigrate.Remote.Migration;

namespace ProcMigrate.Cli.Hosting;

/// <summary>Hands a frozen tree to a host, or only asks that host about it.</summary>
internal sealed class HostHandover(HostMigration migration, string host, bool checkOnly) : Handover
{
    /// <summary>Blockers of this side and then of that one, which are marked as such.</summary>
    public IReadOnlyList<Blocker> Blockers { get; private set; } = [];

    /// <summary>What the far side said of the restored tree; null where the connection broke right after.</summary>
    public VerbResult? Restored { get; private set; }

    public override ImageSink Image => migration.Image;

    public override bool Unsettled => migration.Unsettled;

    public override void Describe(ReadOnlyMemory<byte> description, IReadOnlyList<Blocker> blockers)
    {
        // What cannot be described completely, nobody can judge.
        Blockers = blockers.Count > 0 ? blockers : FarBlockers(description);
        if (checkOnly || Blockers.Count == 0)
            return;
        var where = blockers.Count > 0 ? "here" : $"on {host}";
        throw new EngineException(Blockers, $"The tree cannot be moved to {host}: {Blockers.Count} reason(s) {where}. It runs on here unchanged.");
    }

    public override void TakeOver(Guid id, IReadOnlyList<int> pids, Action hold)
    {
        var line = migration.TakeOver(id, pids, hold);
        Restored = FarEvent.TryRead(line) as VerbResult;
    }

    public override void Ended() => migration.Ended();

    public IReadOnlyList<Blocker> FarBlockers(ReadOnlyMemory<byte> description)
    {
        string line = migration.Check(description);
        if (FarEvent.TryRead(line) is not VerbResult { Verb: "check", Blockers: { } found })
            throw FarEvent.Wrong(host, "with something that is no list of blockers", line);
        return [.. found.Select(blocker => blocker with { What = $"on {host}: {blocker.What}" })];
    }
}
