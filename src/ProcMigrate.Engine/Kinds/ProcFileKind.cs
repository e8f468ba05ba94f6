using System.Globalization;
using System.Text.Json;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Engine.Save;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.ProcFs;

namespace ProcMigrate.Engine.Kinds;

/// <summary>
/// A file or folder of /proc: of the kernel as a whole, or of a process of the tree, which has the same pid again when this
/// is opened anew. One of a process outside cannot come along.
/// </summary>
internal sealed class ProcFileKind : DescriptorKind
{
    private const string Root = "/proc";

    // Every host has one.
    private const int Init = 1;

    public override string Name => "proc-file";

    public override bool Recognises(DescriptorFacts facts) =>
        IsProcFile(facts.Link, facts.Status) && facts.Status.Type is FileType.Regular or FileType.Directory or FileType.SymbolicLink;

    public static bool IsProcFile(string link, in FileStatus status) =>
        (link == Root || link.StartsWith(Root + "/", StringComparison.Ordinal)) && FileStatus.OfPath(Root).IsOnSameDevice(status);

    public override JsonElement? Capture(DescriptorFacts facts, SaveContext context)
    {
        string path = facts.Link;
        int? pid = PidOf(path);
        bool dead = pid is { } owner && ProcStat.TryOf(owner) is null;
        if (dead || path.EndsWith(DeletedFileKind.Suffix, StringComparison.Ordinal))
        {
            context.Block(new Blocker(
                "ProcFile", facts.Process.Pid, facts.Fd, path, "it belongs to a process that has ended, whose files are gone from /proc",
                "let the program close it"));
            return null;
        }
        if (pid is { } other and not Init && !context.TreePids.Contains(other))
        {
            context.Block(new Blocker(
                "ProcFile", facts.Process.Pid, facts.Fd, path, $"it shows process {other}, which is not in the tree",
                "save that process together with this one, or let the program close the file"));
            return null;
        }
        if (pid is { } late && context.TreePids.Contains(late) && IsMadeLater(path, late))
        {
            context.BlockForNow(new Blocker(
                "ProcFile", facts.Process.Pid, facts.Fd, path, "it shows a descriptor, mapping or thread that is not there yet when it would be opened again",
                "save again in a moment, or let the program close it"));
            return null;
        }
        return FileState.Of(path, facts.Status, facts.Info.Flags, facts.Info.Position).ToJson();
    }

    public override void Check(ObjectRecord record, RestoreContext context)
    {
        FileState state = FileState.From(record);
        if (PidOf(state.Path) is null or Init && FileStatus.TryOfPath(state.Path, follow: false) is null)
        {
            context.Block(new Blocker(
                "FileMissing", null, null, state.Path, "the program has it open, and this kernel does not have it",
                "restore on a host with the same kernel, or let the program close it before the save"));
        }
    }

    public override Descriptor Recreate(ObjectRecord record, RestoreContext context)
    {
        FileState state = FileState.From(record);
        if ((state.Flags & OpenFlags.O_PATH) != 0)
            return FilePaths.OpenNamed(record.Id, state, state.Flags, context);
        Descriptor file = FilePaths.Open(record.Id, state, state.Flags, context);
        // To seek is to have the kernel compose the text up to there: not before the process is what it was.
        context.AtEnd(() => FileCalls.Seek(file, state.Position));
        return file;
    }

    /// <summary>Files are opened again before descriptors have their numbers, and before there are further threads.</summary>
    private static bool IsMadeLater(string path, int pid)
    {
        string below = path[$"{Root}/{pid}".Length..];
        string leader = $"/task/{pid}";
        if (below.StartsWith(leader + "/", StringComparison.Ordinal))
            below = below[leader.Length..];
        return below != leader && Array.Exists(["/fd/", "/fdinfo/", "/map_files/", "/task/"], part => below.StartsWith(part, StringComparison.Ordinal));
    }

    /// <summary>The process that a path below /proc belongs to.</summary>
    public static int? PidOf(string path)
    {
        string[] parts = path.Split('/', 4);
        return parts.Length > 2 && int.TryParse(parts[2], NumberStyles.None, CultureInfo.InvariantCulture, out int pid) ? pid : null;
    }
}
