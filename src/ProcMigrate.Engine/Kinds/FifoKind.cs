using System.Text.Json;
using ProcMigrate.Engine.Kinds.Files;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Engine.Save;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Kinds;

/// <summary>An open FIFO: an end of a pipe that a path leads to. Where the path is gone, it is made anew and deleted again.</summary>
internal sealed class FifoKind : DescriptorKind
{
    private const string Deleted = " (deleted)";

    public override string Name => "fifo";

    public override bool Recognises(DescriptorFacts facts) =>
        facts.Status.Type == FileType.Fifo
        && !facts.Link.StartsWith(PipeEndKind.LinkPrefix, StringComparison.Ordinal)
        && (facts.Info.Flags & OpenFlags.O_PATH) == 0;

    public override JsonElement? Capture(DescriptorFacts facts, SaveContext context)
    {
        bool deleted = facts.Status.Links == 0 && facts.Link.EndsWith(Deleted, StringComparison.Ordinal);
        FileState? file = deleted
            ? FileState.Of(facts.Link[..^Deleted.Length], facts.Status, facts.Info.Flags, 0)
            : FilePaths.Capture(facts.Link, facts.Status, facts.Info.Flags, 0, facts.Reach, facts.Process.Pid, facts.Fd, context);
        return file is null ? null : ToJson(new FifoState { File = file, Buffer = 0, Deleted = deleted, Ended = false });
    }

    public override void Captured(DescriptorFacts facts, int objectId, SaveContext context) => PipesSeen.Of(context).Add(facts, objectId);

    /// <summary>The state with what only the whole tree tells.</summary>
    public static JsonElement Complete(ObjectRecord record, int buffer, bool ended) =>
        ToJson(RestoreContext.Parse(record, StateJson.Default.FifoState) with { Buffer = buffer, Ended = ended });

    public override void Check(ObjectRecord record, RestoreContext context)
    {
        FifoState state = RestoreContext.Parse(record, StateJson.Default.FifoState);
        if (!state.Deleted)
        {
            FilePaths.Check(record.Id, state.File, context);
            return;
        }
        NamelessPlaces.Of(context).For(state.Buffer, DeletedFileState.CopyOf(state.File), 0);
    }

    public override Descriptor Recreate(ObjectRecord record, RestoreContext context)
    {
        FifoState state = RestoreContext.Parse(record, StateJson.Default.FifoState);
        FifoInMaking fifo = context.Shared($"fifo {state.Buffer}", () => new FifoInMaking(record.Id, state, context.Object(state.Buffer), context));
        Descriptor end = fifo.Open(record.Id, state);
        FileCalls.SetFlags(end, state.File.Flags);
        return end;
    }

    private static JsonElement ToJson(FifoState state) => JsonSerializer.SerializeToElement(state, StateJson.Default.FifoState);
}

/// <summary>An open FIFO. Ended: a reader whose writers have all gone, as against one that waits for its first.</summary>
internal sealed record FifoState
{
    public required FileState File { get; init; }
    public required int Buffer { get; init; }
    public required bool Deleted { get; init; }
    public required bool Ended { get; init; }
}
