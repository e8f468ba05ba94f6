using ProcMigrate.Engine.Restore;
using ProcMigrate.Engine.Restore.Rights;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Kinds;

/// <summary>
/// Makes a file that has no name, in the folder where the old one had its name: so it lies on the same file system, and
/// /proc shows the same path with "(deleted)" behind it. The name is there for the blink between two calls, empty; the
/// content comes later.
/// </summary>
internal sealed class NamelessFile : IDisposable
{
    private const OpenFlags ShowOnly = OpenFlags.O_PATH | OpenFlags.O_NOFOLLOW;

    private NamelessFile(Descriptor file) => File = file;

    public Descriptor File { get; }

    public static NamelessFile Create(DeletedFileState state, FileRights rights)
    {
        string folder = Path.GetDirectoryName(state.Path) ?? "/";
        List<string> made = MakeMissing(folder);
        try
        {
            Descriptor file = Make(state, folder);
            try
            {
                rights.Give(file, state.Path, state.Uid, state.Gid, state.Mode);
                return new NamelessFile(file);
            }
            catch
            {
                file.Dispose();
                throw;
            }
        }
        finally
        {
            made.ForEach(FolderCalls.RemoveFolder);
        }
    }

    /// <returns>Why no file can be made under a path here, or null.</returns>
    public static string? CannotBeMadeIn(string path)
    {
        const int W_OK = 2, X_OK = 1;
        string folder = Path.GetDirectoryName(path) ?? "/";
        while (folder != "/" && FileStatus.TryOfPath(folder) is null)
            folder = Path.GetDirectoryName(folder) ?? "/";
        try
        {
            FileCalls.CheckAccess(folder, W_OK | X_OK);
            return null;
        }
        catch (LinuxException e)
        {
            return $"none can be made in {folder}: {e.Message}";
        }
    }

    /// <summary>Folders above that have been deleted, too, come back for the moment, the innermost first in the list.</summary>
    private static List<string> MakeMissing(string folder)
    {
        var missing = new Stack<string>();
        for (string at = folder; at != "/" && FileStatus.TryOfPath(at) is null; at = Path.GetDirectoryName(at) ?? "/")
            missing.Push(at);
        var made = new List<string>();
        foreach (string at in missing)
        {
            FolderCalls.MakeFolder(at, 0x1c0 /* 0700 */);
            made.Insert(0, at);
        }
        return made;
    }

    private static Descriptor Make(DeletedFileState state, string folder)
    {
        bool named = state.CreationFlags == 0 && FileStatus.TryOfPath(state.Path, follow: false) is null;
        if (named)
            return MakeAndUnlink(state, state.Path);
        // Another file has the name now (it was renamed over the old one), or there never was a name.
        if (state.Type == FileType.Regular && TryTemporary(state, folder) is { } file)
            return file;
        return MakeAndUnlink(state, Path.Combine(folder, $".procmigrate-{Guid.NewGuid():N}"));
    }

    /// <returns>Null where the file system has no O_TMPFILE.</returns>
    private static Descriptor? TryTemporary(DeletedFileState state, string folder)
    {
        const OpenFlags Kept = OpenFlags.O_ACCMODE | OpenFlags.O_NOATIME | OpenFlags.O_DSYNC | OpenFlags.O_SYNC | OpenFlags.O_EXCL;
        OpenFlags flags = state.CreationFlags == 0 ? OpenFlags.O_RDWR : state.CreationFlags & Kept;
        try
        {
            return FileCalls.Open(folder, flags | OpenFlags.O_TMPFILE, 0x180 /* 0600 */);
        }
        catch (LinuxException e) when (e.Errno is Errno.EOPNOTSUPP or Errno.EISDIR or Errno.EINVAL)
        {
            return null;
        }
    }

    private static Descriptor MakeAndUnlink(DeletedFileState state, string path)
    {
        const int OwnerOnly = 0x1c0; // 0700
        switch (state.Type)
        {
            case FileType.Directory:
                FolderCalls.MakeFolder(path, OwnerOnly);
                break;
            case FileType.Regular:
                FileCalls.Open(path, OpenFlags.O_CREAT | OpenFlags.O_EXCL | OpenFlags.O_WRONLY | OpenFlags.O_NOFOLLOW, OwnerOnly).Dispose();
                break;
            case FileType.SymbolicLink:
                FolderCalls.MakeSymbolicLink(state.Target ?? throw RestoreContext.Damaged($"{state.Path} is a symbolic link to nowhere"), path);
                break;
            default:
                FolderCalls.MakeNode(path, state.Type, OwnerOnly, state.DeviceMajor, state.DeviceMinor);
                break;
        }
        try
        {
            return FileCalls.Open(path, ShowOnly);
        }
        finally
        {
            if (state.Type == FileType.Directory)
                FolderCalls.RemoveFolder(path);
            else
                FolderCalls.Unlink(path);
        }
    }

    public void Dispose() => File.Dispose();
}
