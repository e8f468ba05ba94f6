using System.Text.Json;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Engine.Save;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Kinds;

/// <summary>inotify(7): watches, by path. Events in its queue cannot be looked at without taking them, so there must be none.</summary>
internal sealed class InotifyKind : DescriptorKind
{
    public override string Name => "inotify";

    public override bool Recognises(DescriptorFacts facts) => facts.Link is "anon_inode:inotify" or "anon_inode:[inotify]";

    public override JsonElement? Capture(DescriptorFacts facts, SaveContext context)
    {
        int queued = Pipes.BytesToRead(facts.Ours);
        if (queued > 0)
        {
            context.Block(new Blocker(
                "InotifyEvents", facts.Process.Pid, facts.Fd, $"inotify with {queued} bytes of events not read yet",
                "they cannot be copied without taking them from the program", "let the program read them, then save again"));
            return null;
        }
        var watches = new List<InotifyWatch>();
        bool complete = true;
        foreach (string line in facts.Info.Lines.Where(l => l.StartsWith("inotify ", StringComparison.Ordinal)))
        {
            WatchInfo info = WatchInfo.Parse(line);
            if (WatchedFile.Find(info, facts.Process.Pid, context) is { } file)
            {
                watches.Add(new InotifyWatch(info.Number, info.Mask, file));
                if (FileStatus.TryOfPath(file, follow: false) is { } status)
                    context.Bundle?.Add(file, status, written: false);
                continue;
            }
            complete = false;
            context.Block(new Blocker(
                "InotifyTarget", facts.Process.Pid, facts.Fd, $"inotify watch {info.Number} of inode {info.Inode:x}, device {info.Device:x}",
                "the path of the watched file cannot be found out, or it has been deleted and no descriptor of the program leads to it", "let the program remove the watch"));
        }
        OpenFlags flags = facts.Info.Flags;
        return complete
            ? JsonSerializer.SerializeToElement(new InotifyState { Flags = flags, Watches = watches }, StateJson.Default.InotifyState)
            : null;
    }

    public override void Check(ObjectRecord record, RestoreContext context)
    {
        foreach (InotifyWatch watch in RestoreContext.Parse(record, StateJson.Default.InotifyState).Watches)
        {
            if (!IsOfTree(watch) && context.Bundle.IdOf(watch.Path) is null && FileStatus.TryOfPath(watch.Path, follow: false) is null)
            {
                context.Block(new Blocker(
                    "FileMissing", null, null, watch.Path, "the program watches it (inotify), and it is not here or cannot be read",
                    "copy it to the same path, or share the file system"));
            }
        }
    }

    public override Descriptor Recreate(ObjectRecord record, RestoreContext context)
    {
        InotifyState state = RestoreContext.Parse(record, StateJson.Default.InotifyState);
        Descriptor file = FileWatches.Create();
        FileCalls.SetFlags(file, state.Flags);
        // Else the watches would see what restoring itself does to the files.
        context.AfterClose(Descriptor.Duplicate(file.Number), kept =>
        {
            foreach (InotifyWatch watch in state.Watches)
                FileWatches.Add(kept, watch.Number, watch.Path, watch.Mask | (IsOfTree(watch) ? 0 : FileWatches.IN_DONT_FOLLOW));
        });
        return file;
    }

    public static ObjectRecord Rename(ObjectRecord record, Func<string, string> ofPath)
    {
        InotifyState state = RestoreContext.Parse(record, StateJson.Default.InotifyState);
        var watches = new List<InotifyWatch>();
        foreach (InotifyWatch watch in state.Watches)
            watches.Add(IsOfTree(watch) ? watch : watch with { Path = ofPath(watch.Path) });
        return record with { State = JsonSerializer.SerializeToElement(state with { Watches = watches }, StateJson.Default.InotifyState) };
    }

    private static bool IsOfTree(InotifyWatch watch) => watch.Path.StartsWith(WatchedFile.Proc, StringComparison.Ordinal);
}

internal sealed record InotifyState : OpenState
{
    public required IReadOnlyList<InotifyWatch> Watches { get; init; }
}

/// <summary>A watch: Number is its watch descriptor, by which events name it.</summary>
internal sealed record InotifyWatch(int Number, uint Mask, string Path);
