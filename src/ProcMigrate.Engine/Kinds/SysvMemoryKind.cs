using System.Text.Json;
using ProcMigrate.Engine.Freeze;
using ProcMigrate.Engine.Memory;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Engine.Save;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Processes;
using ProcMigrate.Linux.ProcFs;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Kinds;

/// <summary>
/// A segment of System V shared memory that processes of the tree have attached. It is made again with its id, key and
/// content; one that still stands there untouched by others is filled anew. No descriptor is of this kind.
/// </summary>
internal sealed class SysvMemoryKind : DescriptorKind
{
    public const string KindName = "sysv-memory";

    /// <summary>How the kernel names a mapping of it, before the key.</summary>
    public const string MappingPrefix = "/SYSV";

    public override string Name => KindName;

    public override bool Recognises(DescriptorFacts facts) => false;

    public override JsonElement? Capture(DescriptorFacts facts, SaveContext context) => null;

    /// <summary>The object of a mapping; the inode of its file is the id of the segment.</summary>
    public static int? Capture(TracedProcess process, MemoryMap map, string reach, SaveContext context)
    {
        int pid = process.Pid;
        SysvObject? segment = SysvIpc.List(SysvKind.shm).FirstOrDefault(s => s.Id == (int)map.Inode);
        if (segment is null)
        {
            context.Block(new Blocker(
                "SysvSharedMemory", pid, null, $"{map.Start}-{map.End} {map.Name}", "its segment is not of this IPC namespace", "run procmigrate inside that namespace"));
            return null;
        }
        Attachments attachments = context.Shared(() => new Attachments(context));
        attachments.Count(segment, pid);
        bool reachable = FileCalls.MayRead(reach);
        int objectId = context.Objects.GetOrAdd($"sysv-memory {segment.Id}", table =>
        {
            var state = new SysvMemoryState
            {
                Id = segment.Id,
                Key = segment.Key,
                Size = segment.Fields["size"],
                Mode = segment.Mode,
                Uid = segment.Uid,
                Gid = segment.Gid,
                ChangedAt = segment.ChangedAt,
                Removed = segment.Removed,
            };
            int id = table.Add(KindName, $"shared memory {segment.Id} (key {segment.Key:x})", JsonSerializer.SerializeToElement(state, StateJson.Default.SysvMemoryState));
            if (reachable)
                context.ObjectContents.Add((id, reach, state.Size));
            return id;
        });
        if (!reachable)
            MappedOnlyMemory.AddView(objectId, process, map, PageSize.RoundUp((ulong)segment.Fields["size"]), context);
        return objectId;
    }

    public override void Check(ObjectRecord record, RestoreContext context)
    {
        SysvMemoryState state = StateOf(record);
        foreach (SysvObject there in SysvIpc.List(SysvKind.shm))
        {
            bool same = IsSame(state, there, context);
            if (same ? there.Fields["nattch"] > 0 : there.Id == state.Id || (state.Key != 0 && there.Key == state.Key))
            {
                context.Block(new Blocker(
                    "SysvIdInUse", null, null, $"{record.Title}",
                    same ? "other processes are attached to it here, whose data would be overwritten"
                        : $"shared memory {there.Id} with key {there.Key:x} of process {there.Fields["cpid"]} has this id or key here",
                    $"end what uses it and remove it (ipcrm -m {there.Id}), or restore on another host"));
            }
        }
    }

    public override Descriptor Recreate(ObjectRecord record, RestoreContext context) =>
        throw RestoreContext.Damaged($"a descriptor refers to {record.Title}");

    /// <summary>The id of the segment, made and filled at the first call.</summary>
    public static int Segment(ObjectRecord record, RestoreContext context)
    {
        context.Shared($"sysv-memory {record.Id}", () => Make(record, context));
        return StateOf(record).Id;
    }

    public static SysvMemoryState StateOf(ObjectRecord record) => RestoreContext.Parse(record, StateJson.Default.SysvMemoryState);

    private static SysvMemoryState Make(ObjectRecord record, RestoreContext context)
    {
        SysvMemoryState state = StateOf(record);
        if (!SysvIpc.List(SysvKind.shm).Any(s => IsSame(state, s, context)))
        {
            SysvIpc.ChooseNextId(SysvKind.shm, state.Id);
            context.Record.NoteSysv(SysvKind.shm, state.Id, state.Key);
            int id = SysvIpc.CreateMemory(state.Key, state.Size, state.Mode);
            context.OnFailure(() => SysvIpc.Remove(SysvKind.shm, id));
            if (id != state.Id)
                throw SysvIds.Refused(SysvKind.shm, state.Id, id);
            (uint user, uint group) = context.Rights.OwnerOf(record.Title, state.Uid, state.Gid);
            SysvIpc.SetOwner(SysvKind.shm, id, user, group, state.Mode);
        }
        Fill(record, state, context);
        if (state.Removed)
            context.AtEnd(() => SysvIpc.Remove(SysvKind.shm, state.Id));
        return state;
    }

    private static void Fill(ObjectRecord record, SysvMemoryState state, RestoreContext context)
    {
        nint address = SysvIpc.Attach(state.Id);
        try
        {
            const nint MADV_REMOVE = 9;
            nint length = (nint)PageSize.RoundUp((ulong)state.Size);
            RawSyscall.Call(SyscallNumber.madvise, record.Title, address, length, MADV_REMOVE);
            context.SharedMemories.FillMapped(address, record.Id, length);
        }
        finally
        {
            SysvIpc.Detach(address);
        }
    }

    private static bool IsSame(SysvMemoryState state, SysvObject there, RestoreContext context) =>
        !state.Removed && SysvIds.OfThisBoot(context) && there.Id == state.Id && there.Key == state.Key
        && there.Fields["size"] == state.Size && there.ChangedAt == state.ChangedAt;

    /// <summary>Counts the tree's own attachments of each segment: more than these are somebody else's.</summary>
    private sealed class Attachments(SaveContext context)
    {
        private readonly Dictionary<int, int> _own = [];

        public void Count(SysvObject segment, int pid)
        {
            _own[segment.Id] = _own.GetValueOrDefault(segment.Id) + 1;
            if (_own[segment.Id] == 1)
                context.AtEnd(() => Compare(segment, pid));
        }

        private void Compare(SysvObject segment, int pid)
        {
            long others = segment.Fields["nattch"] - _own[segment.Id];
            if (others > 0)
            {
                context.Block(new Blocker(
                    "SysvSharedMemory", pid, null, $"shared memory {segment.Id} (key {segment.Key:x})",
                    $"it is shared with processes outside the tree ({others} further attachments)", "save these together with it"));
            }
        }
    }
}

/// <summary>A segment; Removed: it disappears with the last attachment (IPC_RMID).</summary>
internal sealed record SysvMemoryState
{
    public required int Id { get; init; }
    public required int Key { get; init; }
    public required long Size { get; init; }
    public required int Mode { get; init; }
    public required uint Uid { get; init; }
    public required uint Gid { get; init; }
    public required long ChangedAt { get; init; }
    public bool Removed { get; init; }
}
