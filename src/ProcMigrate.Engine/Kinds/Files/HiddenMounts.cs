using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.ProcFs;

namespace ProcMigrate.Engine.Kinds.Files;

/// <summary>
/// Files on a mount that has been taken off while they were in use (umount -l), or that another mount lies over: /proc shows the path from the
/// root of that mount, which leads to something else, or nowhere.
/// </summary>
internal static class HiddenMounts
{
    /// <summary>A path of the file where its file system is mounted at another place, too; else null.</summary>
    public static string? OtherPathOf(string link, in FileStatus status)
    {
        foreach (MountPoint mount in MountPoint.ReadAll())
        {
            if (mount.Device != status.KernelDevice || mount.Root != "/")
                continue;
            string path = mount.Path == "/" ? link : mount.Path + link;
            if (FileStatus.TryOfPath(path, follow: false) is { } there && there.IsSameFile(status))
                return path;
        }
        return null;
    }

    /// <summary>The blocker for what no path leads to.</summary>
    public static Blocker Blocker(string link, in FileStatus status, int pid, int? fd)
    {
        ulong mount = status.MountId;
        return mount != 0 && !MountPoint.ReadAll().Exists(m => (ulong)m.Id == mount)
            ? new Blocker(
                "UnreachableFile", pid, fd, link,
                "its file system has been unmounted (umount -l), or is mounted in another namespace only, and lives on because it is in use",
                "let the program close it, or mount the same device again, wherever you like")
            : new Blocker(
                "UnreachableFile", pid, fd, link, "another file stands under this path now, or none: it was renamed, replaced or mounted over",
                "put the original file back under its name");
    }
}
