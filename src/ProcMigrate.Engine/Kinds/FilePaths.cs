using System.Text.Json;
using ProcMigrate.Engine.Kinds.Files;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Engine.Save;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Kinds;

/// <summary>What all kinds with a path share: is the path still the file's, and is the file the same here.</summary>
internal static class FilePaths
{
    /// <summary>The state of a file that can be opened again by its path; or null and a blocker.</summary>
    public static FileState? Capture(
        string link, in FileStatus status, OpenFlags flags, long position, string reach, int pid, int? fd, SaveContext context)
    {
        if (FileStatus.TryOfPath(link, follow: status.Type != FileType.SymbolicLink) is { } there && there.IsSameFile(status))
        {
            if (OtherNames.IsPassing(link))
                return CaptureDeleted(link, status, flags, position, reach, pid, fd, context);
            return FileState.Of(link, status, flags, position, context.Shared(() => new BuildIds()).Of(link, status)) with
            {
                Bundled = context.Bundle?.Add(link, status, IsWritten(flags)) ?? 0,
            };
        }
        bool deleted = link.EndsWith(DeletedFileKind.Suffix, StringComparison.Ordinal);
        string path = deleted ? link[..^DeletedFileKind.Suffix.Length] : link;
        if (deleted && ProcFileKind.IsProcFile(path, status))
        {
            if (fd is null && status.Type == FileType.Directory)
                return FileState.Of(path, status, flags, position) with { OfEndedProcess = true };
            context.Block(new Blocker(
                "ProcFile", pid, fd, path, "it belongs to a process that has ended, whose files are gone from /proc", "let the program leave or close it"));
            return null;
        }
        // A folder that was removed may still be counted a link.
        if (status.Links == 0 || (deleted && status.Type == FileType.Directory))
            return CaptureDeleted(path, status, flags, position, reach, pid, fd, context);
        if (deleted)
            return CaptureOtherLink(path, status, flags, position, reach, pid, fd, context);
        if (HiddenMounts.OtherPathOf(link, status) is { } other)
            return Capture(other, status, flags, position, reach, pid, fd, context);
        context.Block(HiddenMounts.Blocker(link, status, pid, fd));
        return null;
    }

    private static FileState? CaptureDeleted(
        string path, in FileStatus status, OpenFlags flags, long position, string reach, int pid, int? fd, SaveContext context) =>
        DeletedFileKind.Capture(path, status, reach, pid, fd, context) is { } id
            ? FileState.Of(path, status, flags, position) with { Deleted = id }
            : null;

    /// <summary>
    /// The name is gone, but the file has others somewhere (hard links). A copy would be another file, so one of these names
    /// must be known; the kernel tells none, and only the old name's folder is searched.
    /// </summary>
    private static FileState? CaptureOtherLink(
        string path, in FileStatus status, OpenFlags flags, long position, string reach, int pid, int? fd, SaveContext context)
    {
        string folder = Path.GetDirectoryName(path) ?? "/";
        if (OtherNames.Find(path, folder, status) is { } name)
        {
            if (OtherNames.IsPassing(name))
                return CaptureDeleted(path, status, flags, position, reach, pid, fd, context);
            int bundled = context.Bundle?.Add(name, status, IsWritten(flags)) ?? 0;
            return FileState.Of(path, status, flags, position, context.Shared(() => new BuildIds()).Of(name, status)) with
            {
                LinkedAs = name == path ? null : name,
                Bundled = bundled,
            };
        }
        if (!IsWritten(flags) && OtherNames.MayBeNone(status, reach))
        {
            if (fd is not null)
                context.WarnOnce($"{path} has lost its name on an overlay, which does not tell whether it has others: the image has a copy of it");
            return CaptureDeleted(path, status, flags, position, reach, pid, fd, context);
        }
        context.Block(new Blocker(
            "LinkedElsewhere", pid, fd, path,
            $"this name has been deleted, but the file has {status.Links} more, none of them in {folder}: without one it cannot be opened again",
            $"find one (find / -xdev -inum {status.Inode}) and link it back to this name, or let the program close the file"));
        return null;
    }

    /// <summary>Reports a file that is missing here, or is another than at the save.</summary>
    public static void Check(int objectId, FileState state, RestoreContext context)
    {
        if (state.Deleted != 0)
            DeletedFileKind.CheckPlace(state.Deleted, context);
        if (state.Deleted != 0 || state.OfEndedProcess || state.Bundled != 0)
            return;
        if (FileStatus.TryOfPath(state.Reachable) is not { } here)
        {
            context.Block(new Blocker(
                "FileMissing", null, null, state.Reachable,
                $"the program has it open or mapped ({Describe(state.Size, state.Modified)}), and it is not here or cannot be read",
                "copy the file to the same path, or share the file system"));
            return;
        }
        if (here.Type != state.Type)
        {
            context.Block(new Blocker(
                "FileChanged", null, null, state.Path, $"it was a {Name(state.Type)} and is a {Name(here.Type)} here",
                "put the original back under its name"));
            return;
        }
        if (context.Holders.WhyNot(objectId, state, state.Flags) is { } why)
        {
            context.Block(NotForHolder(state, why));
            return;
        }
        if (Forbidden(state) is { } forbidden)
        {
            context.Block(new Blocker(
                "FileForbidden", null, null, state.Path, $"the program has it open or mapped, and {forbidden}",
                "restore as root, or as a user who may open it"));
            return;
        }
        if (state.Type == FileType.Regular && !IsSame(state, here))
            Changed(objectId, state, here, context);
    }

    private static Blocker NotForHolder(FileState state, string why) => new(
        "FileForbidden", null, null, state.Path, $"the program has it open or mapped, it is another file than at the save as far as can be told, and {why}",
        "put the file of the save back, or give that user the right to it");

    private static void Changed(int objectId, FileState state, in FileStatus here, RestoreContext context)
    {
        string sizes = $"at the save it had {Describe(state.Size, state.Modified)}; here it has {Describe(here.Size, here.Modified)}";
        if (state.BuildId is not null)
            sizes = $"it is another build of the program or library: {sizes}; code of the new one does not fit memory of the old one";
        if (context.Options.Force || context.Options.AcceptChangedFiles)
        {
            context.WarnOnce($"{state.Path} is used as it is: {sizes}");
            return;
        }
        bool grown = here.Size > state.Size && IsWritten(state.Flags);
        if (context.Options.TruncateGrownFiles && grown)
        {
            const int W_OK = 2;
            FileCalls.CheckAccess(state.Reachable, W_OK);
            if (context.WarnOnce($"{state.Path} is cut back to {state.Size} bytes: {sizes}"))
                context.BeforeRelease(() => CutBack(objectId, state, context));
            return;
        }
        context.Block(new Blocker(
            "FileChanged", null, null, state.Path, sizes,
            state.BuildId is not null ? "put the original back (install that version of its package again), or save with --bundle, which takes programs and libraries along"
                : grown ? "put the original back, cut off what came later with --file-changed truncate, or keep it with --file-changed accept"
                : "put the original back, or accept the file as it is with --file-changed accept"));
    }

    /// <summary>As late as can be: a restore that fails must not have cut anything.</summary>
    private static void CutBack(int objectId, FileState state, RestoreContext context)
    {
        const OpenFlags Writing = OpenFlags.O_WRONLY | OpenFlags.O_NONBLOCK;
        using Descriptor file = context.Holders.Open(objectId, state, Writing, () => FileCalls.Open(state.Reachable, Writing));
        FileCalls.SetLength(file, state.Size);
    }

    private static string? Forbidden(FileState state)
    {
        const int R_OK = 4, W_OK = 2;
        if ((state.Flags & OpenFlags.O_PATH) != 0)
            return null;
        try
        {
            FileCalls.CheckAccess(state.Reachable, (state.Flags & OpenFlags.O_ACCMODE) switch
            {
                OpenFlags.O_WRONLY => W_OK,
                OpenFlags.O_RDWR => R_OK | W_OK,
                _ => R_OK,
            });
            return null;
        }
        catch (LinuxException e)
        {
            return e.Message;
        }
    }

    /// <summary>For a descriptor that holds only the place: something of the same type must stand there.</summary>
    public static void CheckPlace(int objectId, FileState state, RestoreContext context)
    {
        if (state.Deleted != 0)
            DeletedFileKind.CheckPlace(state.Deleted, context);
        if (state.Deleted != 0 || state.Bundled != 0)
            return;
        FileStatus? here = FileStatus.TryOfPath(state.Reachable, follow: state.Type != FileType.SymbolicLink);
        if (here?.Type == state.Type)
        {
            if (context.Holders.WhyNot(objectId, state, state.Flags) is { } why)
                context.Block(NotForHolder(state, why));
            return;
        }
        context.Block(new Blocker(
            "FileMissing", null, null, state.Reachable,
            $"the program holds it with O_PATH; it was a {Name(state.Type)} and is {(here is { } h ? "a " + Name(h.Type) : "nothing")} here",
            "put the original back under its name"));
    }

    /// <summary>Opens what has a name, with these flags as they are, and with the rights of who holds it.</summary>
    public static Descriptor OpenNamed(int objectId, FileState state, OpenFlags flags, RestoreContext context) =>
        // What the image brought along, or /proc shows, nobody else could put there.
        state.Bundled != 0 || ProcFileKind.PidOf(state.Path) is not null && state.Path.StartsWith("/proc/", StringComparison.Ordinal)
            ? OpenByName(state, flags)
            : context.Holders.Open(objectId, state, flags, () => OpenByName(state, flags));

    private static Descriptor OpenByName(FileState state, OpenFlags flags)
    {
        if (state.LinkedAs is not { } name)
            return FileCalls.Open(state.Path, flags);
        // The deleted name comes back for the blink of an open, so that /proc shows it again with "(deleted)" behind. Where another
        // file has it by now, or none may be made there, that is no reason to fail: it is the same file by its other name.
        // By way of its folder, held: what is unlinked is in the folder in which the link was made.
        string parent = Path.GetDirectoryName(state.Path) ?? "/";
        if (!PathCalls.IsFolder(parent))
            return FileCalls.Open(name, flags);
        using var folder = HeldFolder.Open(parent);
        string linked = folder[Path.GetFileName(state.Path)];
        if (!OtherNames.TryLink(name, linked))
            return FileCalls.Open(name, flags);
        try
        {
            return FileCalls.Open(linked, flags);
        }
        finally
        {
            FolderCalls.Unlink(linked);
        }
    }

    public static Descriptor Open(int objectId, FileState state, OpenFlags flags, RestoreContext context) => Open(
        state, flags, opening => state.Deleted != 0 ? DeletedFileKind.Open(state.Deleted, opening, context) : OpenNamed(objectId, state, opening, context));

    /// <param name="open">Opens the file with flags that cannot do harm; it gets its own ones afterwards.</param>
    internal static Descriptor Open(FileState state, OpenFlags flags, Func<OpenFlags, Descriptor> open)
    {
        const OpenFlags Once = OpenFlags.O_CREAT | OpenFlags.O_EXCL | OpenFlags.O_TRUNC;
        // O_NOCTTY: a terminal opened here must not become ours. O_NONBLOCK: a FIFO in its place must not hang us.
        OpenFlags opening = (flags & ~Once) | OpenFlags.O_NOCTTY | OpenFlags.O_NONBLOCK;
        // It got a name after it was made: what has one is opened by it, and with this flag open(2) takes the name for a folder's.
        if (state.Deleted == 0 && flags.HasFlag(OpenFlags.O_TMPFILE))
            opening &= ~OpenFlags.O_TMPFILE;
        Descriptor file = open(opening);
        try
        {
            FileCalls.SetFlags(file, flags);
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static bool IsWritten(OpenFlags flags) =>
        (flags & OpenFlags.O_ACCMODE) != OpenFlags.O_RDONLY && (flags & OpenFlags.O_PATH) == 0;

    private static bool IsSame(FileState state, in FileStatus here)
    {
        if (here.Size != state.Size)
            return false;
        if ((here.ModifiedSeconds, here.ModifiedNanoseconds) == (state.ModifiedSeconds, state.ModifiedNanoseconds))
            return true;
        return state.BuildId is not null && ElfBuildId.TryRead(state.Reachable, here) == state.BuildId;
    }

    private static string Describe(long size, DateTimeOffset modified) => $"{size} bytes, modified {modified:yyyy-MM-dd HH:mm:ss.fff}Z";

    private static string Name(FileType type) => type switch
    {
        FileType.Regular => "regular file",
        FileType.Directory => "folder",
        FileType.CharacterDevice => "character device",
        FileType.BlockDevice => "block device",
        FileType.Fifo => "FIFO",
        FileType.Socket => "socket",
        _ => "file of another type",
    };
}
