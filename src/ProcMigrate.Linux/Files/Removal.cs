namespace ProcMigrate.Linux.Files;

/// <summary>
/// Removes files and folders where somebody else may rename things at the same time. A path leads elsewhere as soon as one of its folders
/// is replaced by a symbolic link; an open folder stays the same. So each folder is opened in the one above it, without links and without
/// a way to another mount, and each name is removed in an open folder.
/// </summary>
public static class Removal
{
    // A hostile tree may be deeper than any stack; a path that can be opened is at most 4096 bytes long, and ours are far shorter.
    private const int Deepest = 1000;

    /// <summary>Removes what is under the path, with all in it, if it is the one that is meant.</summary>
    /// <returns>False where it is not there, or something else is.</returns>
    public static bool TryRemove(string path, Func<FileStatus, bool> isMeant)
    {
        using FolderBeneath? above = TryOpenAbove(path, out string name);
        using Descriptor? there = above is null ? null : TryOpen(above, name, OpenFlags.O_PATH);
        if (there is null || FileStatus.Of(there) is var status && !isMeant(status))
            return false;
        if (status.Type == FileType.Directory)
        {
            using Descriptor folder = above!.Open(name, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY);
            // Another one by now, maybe.
            if (!isMeant(FileStatus.Of(folder)))
                return false;
            Empty(folder, path);
        }
        // A name of a folder that somebody changes can be another file's by now: one that he put there himself.
        Check(above!.TryRemove(name, isFolder: status.Type == FileType.Directory), path);
        return true;
    }

    /// <summary>Removes all in the folder under the path, if it is the one that is meant; it may be a mount point.</summary>
    /// <returns>False where it is not there, or something else is.</returns>
    public static bool TryEmpty(string path, Func<FileStatus, bool> isMeant)
    {
        Descriptor opened;
        try
        {
            opened = FileCalls.Open(path, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY | OpenFlags.O_NOFOLLOW);
        }
        catch (LinuxException e) when (IsElsewhere(e.Errno))
        {
            return false;
        }
        using Descriptor folder = opened;
        if (!isMeant(FileStatus.Of(folder)))
            return false;
        Empty(folder, path);
        return true;
    }

    /// <summary>Removes all in an open folder.</summary>
    /// <param name="path">For messages.</param>
    public static void Empty(Descriptor folder, string path) => Empty(folder, path, 0);

    private static void Empty(Descriptor folder, string path, int depth)
    {
        if (depth > Deepest)
            throw new LinuxException("openat2", path, Errno.ENAMETOOLONG);
        // Its own position in the folder: once through, so that nobody keeps us here who makes new files meanwhile.
        using var beneath = new FolderBeneath(Descriptor.Duplicate(folder.Number), path);
        foreach (string name in PathCalls.Names(folder, path))
        {
            long result = beneath.TryRemove(name, isFolder: false);
            if (result == -Errno.EISDIR)
            {
                using (Descriptor inside = beneath.Open(name, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY))
                    Empty(inside, $"{path}/{name}", depth + 1);
                result = beneath.TryRemove(name, isFolder: true);
            }
            if (result != -Errno.ENOENT)
                Check(result, $"{path}/{name}");
        }
    }

    private static FolderBeneath? TryOpenAbove(string path, out string name)
    {
        int slash = path.LastIndexOf('/');
        name = path[(slash + 1)..];
        if (slash < 0 || name is "" or "." or "..")
            return null;
        string above = slash == 0 ? "/" : path[..slash];
        try
        {
            return new FolderBeneath(FileCalls.Open(above, OpenFlags.O_PATH | OpenFlags.O_DIRECTORY), above);
        }
        catch (LinuxException e) when (IsElsewhere(e.Errno))
        {
            return null;
        }
    }

    private static Descriptor? TryOpen(FolderBeneath above, string name, OpenFlags flags)
    {
        try
        {
            return above.Open(name, flags);
        }
        catch (LinuxException e) when (IsElsewhere(e.Errno))
        {
            return null;
        }
    }

    /// <summary>Whether it says that something else is under the name, or nothing.</summary>
    private static bool IsElsewhere(int errno) =>
        errno is Errno.ENOENT or Errno.ENOTDIR or Errno.ELOOP or Errno.EXDEV or Errno.EACCES or Errno.ENOTCONN or Errno.ESTALE;

    private static void Check(long result, string path)
    {
        if (result < 0)
            throw new LinuxException("unlinkat", path, (int)-result);
    }
}
