using ProcMigrate.Engine.Kinds.Files;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Engine.Restore.Rights;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.X64;

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

    /// <param name="creationFlags">Of the open(2) with O_TMPFILE that made it, else 0.</param>
    /// <param name="folder">Where to make it: its old one, if that can be.</param>
    public static NamelessFile Create(DeletedFileState state, OpenFlags creationFlags, string folder, FileRights rights)
    {
        using HeldFolder held = HeldFolder.Open(folder);
        Descriptor file = Make(state, creationFlags, held, isOwnFolder: folder == (Path.GetDirectoryName(state.Path) ?? "/"));
        try
        {
            // A symbolic link has no mode of its own, which the rights know.
            rights.Give(file, state.Path, state.Uid, state.Gid, state.Mode);
            return new NamelessFile(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static Descriptor Make(DeletedFileState state, OpenFlags creationFlags, HeldFolder folder, bool isOwnFolder)
    {
        string name = folder[Path.GetFileName(state.Path)];
        if (isOwnFolder && creationFlags == 0 && FileStatus.TryOfPath(name, follow: false) is null)
            return MakeAndUnlink(state, name);
        // Another file has the name now (it was renamed over the old one), or there never was a name.
        if (state.Type == FileType.Regular && TryTemporary(creationFlags, folder.Path) is { } file)
            return file;
        return MakeAndUnlink(state, folder[$".procmigrate-{Guid.NewGuid():N}"]);
    }

    /// <returns>Null where the file system has no O_TMPFILE.</returns>
    private static Descriptor? TryTemporary(OpenFlags creationFlags, string folder)
    {
        const OpenFlags Kept = OpenFlags.O_ACCMODE | OpenFlags.O_NOATIME | OpenFlags.O_DSYNC | OpenFlags.O_SYNC | OpenFlags.O_EXCL;
        OpenFlags flags = creationFlags == 0 ? OpenFlags.O_RDWR : creationFlags & Kept;
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
                return MakeRegular(path, OwnerOnly);
            case FileType.SymbolicLink:
                FolderCalls.MakeSymbolicLink(state.Target ?? throw RestoreContext.Damaged($"{state.Path} is a symbolic link to nowhere"), path);
                break;
            default:
                FolderCalls.MakeNode(path, state.Type, OwnerOnly, state.DeviceMajor, state.DeviceMinor);
                break;
        }
        Descriptor? file = null;
        try
        {
            file = FileCalls.Open(path, ShowOnly);
            RequireOurs(FileStatus.Of(file), state);
            return file;
        }
        catch
        {
            file?.Dispose();
            throw;
        }
        finally
        {
            if (state.Type == FileType.Directory)
                FolderCalls.RemoveFolder(path);
            else
                FolderCalls.Unlink(path);
        }
    }

    /// <summary>By the descriptor that made it, not by its name: in a folder that others can write to, that may lead elsewhere by now.</summary>
    private static Descriptor MakeRegular(string path, int mode)
    {
        using Descriptor made = FileCalls.Open(path, OpenFlags.O_CREAT | OpenFlags.O_EXCL | OpenFlags.O_WRONLY | OpenFlags.O_NOFOLLOW, mode);
        FolderCalls.Unlink(path);
        return FileCalls.Open($"/proc/self/fd/{made.Number}", OpenFlags.O_PATH);
    }

    /// <summary>What no call makes and opens in one: it must be new, for it is about to get another owner.</summary>
    private static void RequireOurs(in FileStatus made, DeletedFileState state)
    {
        bool linked = made.Type != FileType.Directory && made.Links != 1;
        if (made.Type != state.Type || linked || made.Uid != (uint)RawSyscall.Call(SyscallNumber.geteuid, "this process"))
        {
            throw new EngineException(
                "DeletedFileFailed", FailureClass.Failed,
                $"{state.Path} was to be made anew, and somebody has put another file in its place. Nothing was started. Look who writes to that folder.");
        }
    }

    public void Dispose() => File.Dispose();
}
