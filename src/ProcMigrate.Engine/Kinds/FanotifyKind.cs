using System.Text.Json;
using ProcMigrate.Engine.Checks;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Engine.Save;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.ProcFs;

namespace ProcMigrate.Engine.Kinds;

/// <summary>
/// fanotify(7): marks on files by path, on mounts and file systems by mount point. A group that is asked for permission is a blocker:
/// while its process stands still, everybody waits who opens what it watches, this command among them.
/// </summary>
internal sealed class FanotifyKind : DescriptorKind
{
    private const string MarkLine = "fanotify ";

    // FAN_MARK_IGNORED_SURV_MODIFY means nothing without a mask of what is ignored, and is refused.
    private const uint OfIgnoredOnly = 0x40;

    public override string Name => "fanotify";

    public override bool Recognises(DescriptorFacts facts) => facts.Link == "anon_inode:[fanotify]";

    public override JsonElement? Capture(DescriptorFacts facts, SaveContext context)
    {
        Dictionary<string, string>[] lines =
            [.. facts.Info.Lines.Where(l => l.StartsWith(MarkLine, StringComparison.Ordinal)).Select(WatchInfo.Fields)];
        Dictionary<string, string> group = lines[0];
        uint init = Number(group, "flags");
        if (Blocks(facts, init) is { } blocker)
        {
            context.Block(blocker);
            return null;
        }
        var marks = new List<FanotifyMark>();
        foreach (Dictionary<string, string> line in lines.AsSpan(1))
        {
            if (Described(line, facts, context) is not { } mark)
                return null;
            marks.Add(mark);
        }
        // The kernel tells of the newest first, and they are to be made in the order in which they were.
        marks.Reverse();
        return JsonSerializer.SerializeToElement(
            new FanotifyState { Flags = facts.Info.Flags, Group = init, EventFlags = Number(group, "event-flags"), Marks = marks },
            StateJson.Default.FanotifyState);
    }

    public override void Check(ObjectRecord record, RestoreContext context)
    {
        FanotifyState state = Parse(record);
        // Nobody would answer, and all who open such a file would wait, ourselves among them.
        if ((state.Group & (FanotifyCalls.FAN_CLASS_CONTENT | FanotifyCalls.FAN_CLASS_PRE_CONTENT)) != 0)
            throw RestoreContext.Damaged($"{record.Title} is a group that is asked for permission, which no save takes");
        using Descriptor? group = TryKernel($"a fanotify group with flags {state.Group:x}", context, () => FanotifyCalls.Create(state.Group, state.EventFlags));
        foreach (FanotifyMark mark in state.Marks)
        {
            bool isThere = mark.Type == 0
                ? FileStatus.TryOfPath(mark.Path, follow: false) is not null
                : MountPoint.ReadAll().Exists(m => m.Path == mark.Path);
            if (!isThere)
            {
                context.Block(new Blocker(
                    "FileMissing", null, null, mark.Path,
                    $"the program watches {(mark.Type == 0 ? "it" : "what is mounted there")} (fanotify), and it is not here or cannot be read",
                    "copy or mount it at the same path, or share the file system"));
            }
            else if (group is not null)
            {
                // It is gone with our group.
                TryKernel($"a fanotify mark of type {mark.Type:x} for events {mark.Mask:x} and {mark.Ignored:x}", context, () =>
                {
                    Add(group, mark);
                    return group;
                });
            }
        }
    }

    public override Descriptor Recreate(ObjectRecord record, RestoreContext context)
    {
        FanotifyState state = Parse(record);
        Descriptor file = FanotifyCalls.Create(state.Group, state.EventFlags);
        FileCalls.SetFlags(file, state.Flags);
        // Else it would be told what restoring itself does to the files.
        context.AfterClose(Descriptor.Duplicate(file.Number), kept =>
        {
            foreach (FanotifyMark mark in state.Marks)
                Add(kept, mark);
        });
        return file;
    }

    /// <summary>Only what says that the kernel does not know it is told here.</summary>
    private static Descriptor? TryKernel(string what, RestoreContext context, Func<Descriptor> make)
    {
        try
        {
            return make();
        }
        catch (LinuxException e) when (e.Errno is Errno.EINVAL or Errno.ENOSYS or Errno.EOPNOTSUPP)
        {
            context.Block(KernelCalls.Missing(context, null, what));
            return null;
        }
        catch (LinuxException e) when (e.Errno == Errno.EPERM)
        {
            context.Block(new Blocker("FileForbidden", null, null, what, e.Message, "restore as root"));
            return null;
        }
    }

    private static void Add(Descriptor group, FanotifyMark mark)
    {
        uint flags = FanotifyCalls.FAN_MARK_ADD | mark.Type | (mark.Type == 0 ? FanotifyCalls.FAN_MARK_DONT_FOLLOW : 0) | mark.Flags;
        if (mark.Mask != 0)
            FanotifyCalls.Mark(group, flags & ~(FanotifyCalls.FAN_MARK_IGNORE | OfIgnoredOnly), mark.Mask, mark.Path);
        // Since Linux 6.0 there are two ways to ignore; the mark remembers if it was the new one.
        if (mark.Ignored != 0)
            FanotifyCalls.Mark(group, flags | ((mark.Flags & FanotifyCalls.FAN_MARK_IGNORE) == 0 ? FanotifyCalls.FAN_MARK_IGNORED_MASK : 0), mark.Ignored, mark.Path);
    }

    private static Blocker? Blocks(DescriptorFacts facts, uint init)
    {
        if ((init & (FanotifyCalls.FAN_CLASS_CONTENT | FanotifyCalls.FAN_CLASS_PRE_CONTENT)) != 0)
        {
            return new Blocker(
                "Fanotify", facts.Process.Pid, facts.Fd, "fanotify group that is asked before others may open or read files",
                "who opens such a file waits for its answer, and there is nobody to give it while the program is in an image",
                "let the program close it, or end the program and start it on the other host");
        }
        int queued = Pipes.BytesToRead(facts.Ours);
        return queued == 0 ? null : new Blocker(
            "Fanotify", facts.Process.Pid, facts.Fd, $"fanotify group with {queued} bytes of events not read yet",
            "they cannot be copied without taking them from the program", "let the program read them, then save again");
    }

    /// <returns>Null, and a blocker, where the path is not found.</returns>
    private static FanotifyMark? Described(Dictionary<string, string> line, DescriptorFacts facts, SaveContext context)
    {
        int pid = facts.Process.Pid;
        (uint type, string? path) = (0, null);
        if (line.ContainsKey("ino"))
        {
            path = WatchedFile.Find(WatchInfo.Of(line), pid, context);
            // One that only a descriptor of the tree leads to is not there yet when marks are checked and made.
            if (path?.StartsWith(WatchedFile.Proc, StringComparison.Ordinal) == true)
                path = null;
        }
        else if (line.ContainsKey("mnt_id"))
            (type, path) = (FanotifyCalls.FAN_MARK_MOUNT, MountPoint.ReadAll($"{pid}").Find(m => m.Id == (int)Number(line, "mnt_id"))?.Path);
        else if (line.ContainsKey("sdev"))
            (type, path) = (FanotifyCalls.FAN_MARK_FILESYSTEM, MountPoint.ReadAll($"{pid}").Find(m => m.Device == Number(line, "sdev"))?.Path);
        if (path is not null)
            return new FanotifyMark(type, Number(line, "mflags"), Number(line, "mask"), Number(line, "ignored_mask"), path);
        context.Block(new Blocker(
            "Fanotify", pid, facts.Fd, $"fanotify mark: {string.Join(", ", line.Select(field => field.Key + " " + field.Value))}",
            "the path of what is watched cannot be found out, or it has been deleted", "let the program remove the mark"));
        return null;
    }

    private static uint Number(Dictionary<string, string> line, string field) => (uint)WatchInfo.Hex(line[field]);

    private static FanotifyState Parse(ObjectRecord record) => RestoreContext.Parse(record, StateJson.Default.FanotifyState);
}

/// <summary>Group and EventFlags are the arguments of fanotify_init(2).</summary>
internal sealed record FanotifyState : OpenState
{
    public required uint Group { get; init; }
    public required uint EventFlags { get; init; }
    public required IReadOnlyList<FanotifyMark> Marks { get; init; }
}

/// <summary>A mark. Type is 0 for a file, FAN_MARK_MOUNT or FAN_MARK_FILESYSTEM for what is mounted at Path.</summary>
internal sealed record FanotifyMark(uint Type, uint Flags, uint Mask, uint Ignored, string Path);
