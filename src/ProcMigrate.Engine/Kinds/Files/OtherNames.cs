using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Kinds.Files;

/// <summary>Hard links of a file whose name in /proc is gone.</summary>
internal static class OtherNames
{
    /// <summary>A name that the file has: the old one again, as after ln(1), or another in a folder.</summary>
    public static string? Find(string path, string folder, in FileStatus status)
    {
        if (IsNameOf(path, status))
            return path;
        if (!Directory.Exists(folder))
            return null;
        string? passing = null;
        foreach (string entry in Directory.EnumerateFileSystemEntries(folder))
        {
            if (!IsNameOf(entry, status))
                continue;
            if (!IsPassing(entry))
                return entry;
            passing = entry;
        }
        return passing;
    }

    /// <summary>
    /// Whether a name is one that goes by itself: dpkg's backup of a file that it is replacing; what NFS and FUSE clients call a
    /// deleted file that is still open, until it is closed.
    /// </summary>
    public static bool IsPassing(string path)
    {
        const long NFS_SUPER_MAGIC = 0x6969, FUSE_SUPER_MAGIC = 0x65735546;
        string name = Path.GetFileName(path);
        if (name.EndsWith(".dpkg-tmp", StringComparison.Ordinal))
            return true;
        long fileSystem = name.StartsWith(".nfs", StringComparison.Ordinal) ? NFS_SUPER_MAGIC
            : name.StartsWith(".fuse_hidden", StringComparison.Ordinal) ? FUSE_SUPER_MAGIC : 0;
        if (fileSystem == 0)
            return false;
        using Descriptor file = FileCalls.Open(path, OpenFlags.O_PATH | OpenFlags.O_NOFOLLOW);
        return FileSystem.Of(file).f_type == fileSystem;
    }

    /// <summary>
    /// An overlay counts a file of a lower layer one link, also when its only name is gone (ovl_getattr in fs/overlayfs/inode.c: the number is
    /// the lower file's). What is open for writing has been copied up, and is counted right.
    /// </summary>
    public static bool MayBeNone(in FileStatus status, string reach)
    {
        const long OVERLAYFS_SUPER_MAGIC = 0x794c7630;
        if (status.Links != 1 || status.Type != FileType.Regular)
            return false;
        using Descriptor file = FileCalls.Open(reach, OpenFlags.O_PATH);
        return FileSystem.Of(file).f_type == OVERLAYFS_SUPER_MAGIC;
    }

    /// <returns>False where the name is taken, or none may be made there.</returns>
    public static bool TryLink(string existing, string added)
    {
        try
        {
            FolderCalls.Link(existing, added);
            return true;
        }
        catch (LinuxException)
        {
            return false;
        }
    }

    private static bool IsNameOf(string path, in FileStatus status) =>
        FileStatus.TryOfPath(path, follow: false) is { } other && other.IsSameFile(status);
}
