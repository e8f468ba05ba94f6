using System.Text.Json;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Engine.Save;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Kinds;

/// <summary>
/// epoll(7). The kernel keys a watched file by the open file and the number it was added under, which may stand for another
/// file since, or for none: the file is watched as long as any descriptor of it is left.
/// </summary>
internal sealed class EventPollKind : DescriptorKind
{
    public override string Name => "epoll";

    public override bool Recognises(DescriptorFacts facts) => facts.Link == "anon_inode:[eventpoll]";

    public override JsonElement? Capture(DescriptorFacts facts, SaveContext context) =>
        ToJson(new EventPollState { Flags = facts.Info.Flags, Watches = [] });

    public override void Captured(DescriptorFacts facts, int objectId, SaveContext context)
    {
        var watches = new EventPollWatches(facts.Process.Pid, facts.Fd, facts.Info, context);
        OpenFlags flags = facts.Info.Flags;
        if (watches.Count == 0)
            return;
        context.AtEnd(() =>
        {
            if (watches.Resolve() is { } resolved)
                context.Objects.Replace(objectId, ToJson(new EventPollState { Flags = flags, Watches = resolved }));
        });
    }

    public override Descriptor Recreate(ObjectRecord record, RestoreContext context)
    {
        EventPollState state = RestoreContext.Parse(record, StateJson.Default.EventPollState);
        Descriptor file = EventPoll.Create();
        FileCalls.SetFlags(file, state.Flags);
        if (state.Watches.Count > 0)
        {
            EventPollInMaking making = Making(record, context);
            context.BeforeRelease(() => making.AddRest(file));
        }
        return file;
    }

    /// <summary>
    /// A process that has both the epoll and the file under its number adds it itself: of a signalfd, whose signals are
    /// watched depends on who added it.
    /// </summary>
    public override void Placed(ObjectRecord record, DescriptorRecord descriptor, ProcessInMaking process)
    {
        EventPollInMaking making = Making(record, process.Context);
        if (making.Left.Count == 0)
            return;
        Dictionary<int, int> table = process.Context.Shared(
            $"descriptors {process.Record.Pid}", () => process.Record.Descriptors.ToDictionary(d => d.Fd, d => d.ObjectId));
        foreach (EventPollWatch watch in making.TakeThose(w => table.TryGetValue(w.Fd, out int objectId) && objectId == w.ObjectId))
        {
            RemoteAddress wanted = process.Calls.Data(new EventPollEvent { events = watch.Events, data = watch.Data });
            process.Calls.Add(
                SyscallNumber.epoll_ctl, $"descriptor {watch.Fd} in epoll {descriptor.Fd}",
                (ulong)descriptor.Fd, EventPoll.EPOLL_CTL_ADD, (ulong)watch.Fd, wanted.Value);
        }
        process.Calls.Run();
    }

    private static EventPollInMaking Making(ObjectRecord record, RestoreContext context) => context.Shared(
        $"epoll {record.Id}",
        () => new EventPollInMaking(RestoreContext.Parse(record, StateJson.Default.EventPollState).Watches, context));

    private static JsonElement ToJson(EventPollState state) =>
        JsonSerializer.SerializeToElement(state, StateJson.Default.EventPollState);
}

internal sealed record EventPollState : OpenState
{
    public required IReadOnlyList<EventPollWatch> Watches { get; init; }
}

/// <summary>A watched open file, the number it was added under, and what epoll_ctl(2) was told.</summary>
internal sealed record EventPollWatch(int Fd, int ObjectId, uint Events, ulong Data);
