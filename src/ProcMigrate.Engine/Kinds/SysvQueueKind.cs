using System.Text.Json;
using System.Text.Json.Serialization;
using ProcMigrate.Engine.Namespaces;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Engine.Save;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Processes;

namespace ProcMigrate.Engine.Kinds;

/// <summary>
/// A System V message queue or set of semaphores that the tree has used: the kernel notes who last sent, received or
/// changed a semaphore, and no more. Nothing ties these objects to processes, and they outlive them. So one that still
/// stands here is used as it is, like a file, and one that does not is made again as it was.
/// </summary>
internal sealed class SysvQueueKind : DescriptorKind
{
    public const string KindName = "sysv-queue";

    public override string Name => KindName;

    public override bool Recognises(DescriptorFacts facts) => false;

    public override JsonElement? Capture(DescriptorFacts facts, SaveContext context) => null;

    /// <summary>Adds all queues and semaphores that processes of the tree were the last to use.</summary>
    public static void CaptureUsed(SaveContext context)
    {
        // Those of a namespace of its own would end with the tree, used since its restore or not.
        bool all = InsideNamespaces.Current is { OwnsIpc: true };
        foreach (SysvObject queue in SysvIpc.List(SysvKind.msg).Where(q => all || UsedBy(context, q.Fields["lspid"], q.Fields["lrpid"])))
        {
            context.Cancel.ThrowIfCancellationRequested();
            Add(context, queue, StateOf(queue) with { QueueBytes = SysvIpc.QueueStatus(queue.Id).msg_qbytes, Messages = [.. MessagesOf(queue.Id)] });
        }
        foreach (SysvObject set in SysvIpc.List(SysvKind.sem))
        {
            context.Cancel.ThrowIfCancellationRequested();
            int count = (int)set.Fields["nsems"];
            int? user = LastUserInTree(context, set.Id, count);
            if (user is null && !all)
                continue;
            Add(context, set, StateOf(set) with { Values = SysvIpc.Values(set.Id, count) });
            if (user is { } last)
                ReportUndo(context, set, last);
        }
    }

    private static int? LastUserInTree(SaveContext context, int id, int count)
    {
        try
        {
            for (int n = 0; n < count; n++)
            {
                if (SysvIpc.LastUser(id, n) is var user && context.TreePids.Contains(user))
                    return user;
            }
        }
        catch (Linux.LinuxException e) when (e.Errno is Linux.Errno.EACCES or Linux.Errno.EINVAL or Linux.Errno.EIDRM)
        {
            // Another user's, which our tree could not use either; or removed meanwhile.
        }
        return null;
    }

    public override void Check(ObjectRecord record, RestoreContext context)
    {
        SysvQueueState state = Parse(record);
        // A program may have thousands of them.
        foreach (SysvObject there in context.Shared($"all of {state.Kind}", () => SysvIpc.List(state.Kind)))
        {
            if (IsSame(state, there, context) || (there.Id != state.Id && (state.Key == 0 || there.Key != state.Key)))
                continue;
            context.Block(new Blocker(
                "SysvIdInUse", null, null, record.Title, $"another one with id {there.Id} and key {there.Key:x} has this id or key here",
                $"remove it (ipcrm -{(state.Kind == SysvKind.msg ? 'q' : 's')} {there.Id}) if nobody needs it, or restore on another host"));
        }
    }

    public override Descriptor Recreate(ObjectRecord record, RestoreContext context) =>
        throw RestoreContext.Damaged($"a descriptor refers to {record.Title}");

    /// <summary>Makes all that are not here.</summary>
    public static void MakeAll(RestoreContext context)
    {
        List<SysvObject>? here = null;
        foreach (ObjectRecord record in context.Tree.Objects.Where(o => o.Kind == KindName))
        {
            SysvQueueState state = Parse(record);
            here ??= [.. SysvIpc.List(SysvKind.msg), .. SysvIpc.List(SysvKind.sem)];
            context.Cancel.ThrowIfCancellationRequested();
            if (!here.Exists(o => o.Kind == state.Kind && IsSame(state, o, context)))
                Make(state, context);
        }
    }

    private static void Make(SysvQueueState state, RestoreContext context)
    {
        SysvIpc.ChooseNextId(state.Kind, state.Id);
        context.Record.NoteSysv(state.Kind, state.Id, state.Key);
        bool queue = state.Kind == SysvKind.msg;
        int id = queue ? SysvIpc.CreateQueue(state.Key, state.Mode) : SysvIpc.CreateSemaphores(state.Key, state.Values.Count, state.Mode);
        context.OnFailure(() => SysvIpc.Remove(state.Kind, id));
        if (id != state.Id)
            throw SysvIds.Refused(state.Kind, state.Id, id);
        if (!queue)
            SysvIpc.SetValues(id, [.. state.Values]);
        // Before the messages, which need the room.
        (uint user, uint group) = context.Rights.OwnerOf($"{state.Kind} {id}", state.Uid, state.Gid);
        SysvIpc.SetOwner(state.Kind, id, user, group, state.Mode, state.QueueBytes);
        foreach (SysvMessage message in state.Messages)
            SysvIpc.SendMessage(id, message.Type, message.Text);
    }

    /// <summary>What a process would undo at its end (SEM_UNDO) shows nowhere; only whether it may have something to undo.</summary>
    private static void ReportUndo(SaveContext context, SysvObject set, int user)
    {
        try
        {
            // One that has done nothing has nothing to undo: whoever compares equal has nothing either.
            BlankProcess blank = context.Shared(() => new BlankProcess());
            if (Kcmp.Compare(user, blank.Pid, Kcmp.KCMP_SYSVSEM) == 0)
                return;
        }
        catch (Linux.LinuxException)
        {
            // Ended meanwhile: not known, and so told.
        }
        context.Block(new Blocker(
            "SemaphoreUndo", user, null, $"semaphores {set.Id} (key {set.Key:x})",
            "the program has threads or used SEM_UNDO, and what the kernel would undo at its end shows nowhere", "remove the semaphores before the save if they are not needed"));
    }

    private static IEnumerable<SysvMessage> MessagesOf(int id)
    {
        for (int i = 0; SysvIpc.PeekMessage(id, i) is var (type, text); i++)
            yield return new SysvMessage(type, text);
    }

    private static void Add(SaveContext context, SysvObject found, SysvQueueState state)
    {
        string title = $"{(found.Kind == SysvKind.msg ? "message queue" : "semaphores")} {found.Id} (key {found.Key:x})";
        context.Objects.Add(KindName, title, JsonSerializer.SerializeToElement(state, StateJson.Default.SysvQueueState));
    }

    private static bool UsedBy(SaveContext context, params ReadOnlySpan<long> pids)
    {
        foreach (long pid in pids)
        {
            if (context.TreePids.Contains((int)pid))
                return true;
        }
        return false;
    }

    private static SysvQueueState StateOf(SysvObject found) => new()
    {
        Kind = found.Kind,
        Id = found.Id,
        Key = found.Key,
        Mode = found.Mode,
        Uid = found.Uid,
        Gid = found.Gid,
        ChangedAt = found.ChangedAt,
    };

    private static bool IsSame(SysvQueueState state, SysvObject there, RestoreContext context) =>
        SysvIds.OfThisBoot(context) && there.Id == state.Id && there.Key == state.Key && there.ChangedAt == state.ChangedAt;

    private static SysvQueueState Parse(ObjectRecord record) => RestoreContext.Parse(record, StateJson.Default.SysvQueueState);
}

/// <summary>A queue with its messages, or a set of semaphores with their values.</summary>
internal sealed record SysvQueueState
{
    internal SysvKind Kind { get; set; }

    [JsonRequired]
    [JsonPropertyName("kind")]
    public string KindWord
    {
        get => Kind.ToString();
        init => Kind = (SysvKind)Word.Parse(typeof(SysvKind), value);
    }

    public required int Id { get; init; }
    public required int Key { get; init; }
    public required int Mode { get; init; }
    public required uint Uid { get; init; }
    public required uint Gid { get; init; }
    public required long ChangedAt { get; init; }
    public IReadOnlyList<ushort> Values { get; init; } = [];
    public ulong QueueBytes { get; init; }
    public IReadOnlyList<SysvMessage> Messages { get; init; } = [];
}

/// <summary>One queued message.</summary>
internal sealed record SysvMessage(long Type, byte[] Text);
