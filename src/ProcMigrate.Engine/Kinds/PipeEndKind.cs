using System.Text.Json;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Engine.Save;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Kinds;

/// <summary>An end of a pipe. What lies between the ends is an object of its own (<see cref="PipeBuffer"/>).</summary>
internal sealed class PipeEndKind : DescriptorKind
{
    public const string LinkPrefix = "pipe:[";

    public override string Name => "pipe-end";

    public override bool Recognises(DescriptorFacts facts) => facts.Link.StartsWith(LinkPrefix, StringComparison.Ordinal);

    public override JsonElement? Capture(DescriptorFacts facts, SaveContext context) => StateOf(0, facts.Info.Flags);

    public override void Captured(DescriptorFacts facts, int objectId, SaveContext context) => PipesSeen.Of(context).Add(facts, objectId);

    public static JsonElement StateOf(int buffer, OpenFlags flags) =>
        JsonSerializer.SerializeToElement(new PipeEndState { Buffer = buffer, Flags = flags }, StateJson.Default.PipeEndState);

    public override bool LeavesOurTable => true;

    public override bool MayLeave(ObjectRecord record, RestoreContext context) =>
        Making(RestoreContext.Parse(record, StateJson.Default.PipeEndState), context).IsAllTaken;

    public override Descriptor Recreate(ObjectRecord record, RestoreContext context)
    {
        PipeEndState state = RestoreContext.Parse(record, StateJson.Default.PipeEndState);
        Descriptor end = Making(state, context).Take(state.Flags);
        FileCalls.SetFlags(end, state.Flags);
        return end;
    }

    private PipeInMaking Making(PipeEndState state, RestoreContext context) => context.Shared(
        $"pipe {state.Buffer}", () => PipeInMaking.Create(context.Object(state.Buffer), EndsOf(context)[state.Buffer], context));

    /// <summary>How many ends each pipe of the tree has.</summary>
    private Dictionary<int, int> EndsOf(RestoreContext context) => context.Shared("ends of pipes", () =>
        context.Tree.Objects.Where(o => o.Kind == Name).GroupBy(o => RestoreContext.Parse(o, StateJson.Default.PipeEndState).Buffer).ToDictionary(g => g.Key, g => g.Count()));
}

/// <summary>An open file of a pipe; Buffer is the id of the object between the ends.</summary>
internal sealed record PipeEndState : OpenState
{
    public required int Buffer { get; init; }
}
