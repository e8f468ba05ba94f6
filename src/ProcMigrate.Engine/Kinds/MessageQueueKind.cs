using System.Globalization;
using System.Text.Json;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Engine.Save;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Kinds;

/// <summary>
/// A POSIX message queue. Its messages can be had only by taking them out, which a save that may be killed must not do. So
/// an empty queue is made again anywhere; one with messages is kept by its name, on the host where it stays.
/// </summary>
internal sealed class MessageQueueKind : DescriptorKind
{
    public override string Name => "message-queue";

    public override bool Recognises(DescriptorFacts facts) =>
        facts.Status.Type == FileType.Regular && (facts.Info.Flags & OpenFlags.O_PATH) == 0
        // mq_open(3) opens below a mount of the kernel's own, so the path is a single name; else it was opened where it is mounted.
        && (facts.Link.LastIndexOf('/') == 0 || facts.Link.Contains("mqueue", StringComparison.Ordinal))
        && FileSystem.Of(facts.Ours).f_type == FileSystemStatus.MessageQueueMagic;

    public override JsonElement? Capture(DescriptorFacts facts, SaveContext context)
    {
        bool unlinked = facts.Status.Links == 0;
        string path = unlinked && facts.Link.EndsWith(DeletedFileKind.Suffix, StringComparison.Ordinal)
            ? facts.Link[..^DeletedFileKind.Suffix.Length] : facts.Link;
        MessageQueueAttributes attributes = MessageQueue.AttributesOf(facts.Ours);
        if (Obstacle(facts, attributes, unlinked) is { } obstacle)
        {
            context.Block(obstacle);
            return null;
        }
        var state = new MessageQueueState
        {
            Queue = path[(path.LastIndexOf('/') + 1)..],
            Flags = facts.Info.Flags,
            Unlinked = unlinked,
            Inode = facts.Status.Inode,
            Mode = facts.Status.Mode,
            Uid = facts.Status.Uid,
            Gid = facts.Status.Gid,
            MaxMessages = attributes.mq_maxmsg,
            MessageSize = attributes.mq_msgsize,
            Messages = attributes.mq_curmsgs,
        };
        return JsonSerializer.SerializeToElement(state, StateJson.Default.MessageQueueState);
    }

    public override void Check(ObjectRecord record, RestoreContext context)
    {
        MessageQueueState state = Parse(record);
        using Descriptor? here = state.Unlinked ? null : MessageQueue.TryOpen(state.Queue, OpenFlags.O_RDONLY);
        if (here is null ? state.Messages == 0 : IsSame(state, here, context))
            return;
        context.Block(new Blocker(
            "MessageQueue", null, null, $"/{state.Queue}",
            here is null
                ? $"it held {state.Messages} message(s), which stay in the kernel of the host it was saved on, and it is not here"
                : "another message queue has this name here",
            here is null ? "restore on the host and boot of the save, or save when the queue is empty" : "remove it (rm /dev/mqueue/NAME), or restore on another host"));
    }

    public override Descriptor Recreate(ObjectRecord record, RestoreContext context)
    {
        MessageQueueState state = Parse(record);
        OpenFlags access = state.Flags & (OpenFlags.O_ACCMODE | OpenFlags.O_NONBLOCK);
        Descriptor queue = context.Shared($"message queue {state.Queue} {state.Inode}", () => OpenOrCreate(state, context));
        Descriptor file = FileCalls.Open($"/proc/self/fd/{queue.Number}", access);
        FileCalls.SetFlags(file, state.Flags);
        return file;
    }

    private static Descriptor OpenOrCreate(MessageQueueState state, RestoreContext context)
    {
        if (!state.Unlinked && MessageQueue.TryOpen(state.Queue, OpenFlags.O_RDONLY) is { } there)
            return there;
        const int OwnerOnly = 0x180; // 0600
        string name = state.Unlinked ? $"procmigrate-{Guid.NewGuid():N}" : state.Queue;
        Descriptor made = MessageQueue.Create(
            name, OwnerOnly, new MessageQueueAttributes { mq_maxmsg = state.MaxMessages, mq_msgsize = state.MessageSize });
        if (state.Unlinked)
            MessageQueue.Unlink(name);
        else
        {
            context.OnFailure(() => MessageQueue.Unlink(name));
            context.Record.NoteQueue(name, made);
        }
        context.Rights.Give(made, $"/{state.Queue}", state.Uid, state.Gid, state.Mode);
        return made;
    }

    private static Blocker? Obstacle(DescriptorFacts facts, MessageQueueAttributes attributes, bool unlinked)
    {
        if (unlinked && attributes.mq_curmsgs > 0)
        {
            return new Blocker(
                "MessageQueue", facts.Process.Pid, facts.Fd, facts.Link,
                $"it holds {attributes.mq_curmsgs} message(s), which can only be had by taking them away, and it has no name to be found by again",
                "try again when it is empty");
        }
        // "QSIZE:0 NOTIFY:0 SIGNO:10 NOTIFY_PID:1234": the value that the signal carries is not shown.
        string text = FileCalls.ReadText(facts.Reach);
        string notified = text[(text.LastIndexOf(':') + 1)..].Trim();
        return int.Parse(notified, CultureInfo.InvariantCulture) == 0 ? null : new Blocker(
            "MessageQueueNotification", facts.Process.Pid, facts.Fd, facts.Link,
            $"process {notified} is to be notified of a message (mq_notify), and how cannot be read", "let the program end the notification");
    }

    private static bool IsSame(MessageQueueState state, Descriptor here, RestoreContext context) =>
        SysvIds.OfThisBoot(context) && FileStatus.Of(here).Inode == state.Inode;

    private static MessageQueueState Parse(ObjectRecord record) => RestoreContext.Parse(record, StateJson.Default.MessageQueueState);
}

/// <summary>An open file of a queue. Messages is how many it held.</summary>
internal sealed record MessageQueueState : OpenState
{
    public required string Queue { get; init; }
    public required bool Unlinked { get; init; }
    public required ulong Inode { get; init; }
    public required int Mode { get; init; }
    public required uint Uid { get; init; }
    public required uint Gid { get; init; }
    public required long MaxMessages { get; init; }
    public required long MessageSize { get; init; }
    public required long Messages { get; init; }
}
