using ProcMigrate.Engine.Save;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.ProcFs;

namespace ProcMigrate.Engine.Kinds;

/// <summary>The way from a watch back to a path: by the file's handle; where the file system has none (overlayfs), by looking.</summary>
internal static class WatchedFile
{
    /// <summary>Begins a path that leads through a process of the tree.</summary>
    public const string Proc = "/proc/";

    private const string Deleted = " (deleted)";

    // The tree stands still meanwhile: a file further away than this stays a blocker.
    private const int MaxLookedAt = 50_000;

    /// <returns>Null where it is not found.</returns>
    public static string? Find(WatchInfo watch, int pid, SaveContext context)
    {
        List<MountPoint> mounts = context.Shared(() => MountPoint.ReadAll()).FindAll(m => m.Device == watch.Device);
        // The latest mount is in front: a tree of --same-names sees its files there, and by it the next host has them.
        foreach (MountPoint mount in Enumerable.Reverse(mounts))
        {
            if (ByHandle(watch, mount) is { } path && Is(path, watch))
                return path;
        }
        return ByDescriptor(watch, pid) ?? ByLooking(watch, pid, mounts);
    }

    /// <summary>Through a descriptor of the program that is open on a file without a name: the restored one has the same number.</summary>
    private static string? ByDescriptor(WatchInfo watch, int pid)
    {
        foreach (int fd in ProcFolders.Descriptors(pid))
        {
            string path = $"{Proc}{pid}/fd/{fd}";
            FileStatus there = FileStatus.OfPath(path);
            if ((there.KernelDevice, there.Inode) == (watch.Device, watch.Inode) && FileCalls.ReadLink(path).EndsWith(Deleted, StringComparison.Ordinal))
                return path;
        }
        return null;
    }

    private static string? ByHandle(WatchInfo watch, MountPoint mount)
    {
        if (watch.Handle is null || FileStatus.TryOfPath(mount.Path) is null)
            return null;
        using Descriptor root = FileCalls.Open(mount.Path, OpenFlags.O_RDONLY | OpenFlags.O_NONBLOCK);
        using Descriptor? file = FileWatches.TryOpen(root, watch.HandleType, watch.Handle);
        return file is null ? null : FileCalls.ReadLink($"/proc/self/fd/{file.Number}");
    }

    /// <summary>Where a program's watches mostly are: its folders and files and those above, then all below, nearest first.</summary>
    private static string? ByLooking(WatchInfo watch, int pid, List<MountPoint> mounts)
    {
        var queue = new Queue<string>();
        foreach (string near in Near(pid))
        {
            for (string? path = near; path is not null; path = Path.GetDirectoryName(path))
            {
                if (Is(path, watch))
                    return path;
            }
        }
        queue.Enqueue(FileCalls.ReadLink($"/proc/{pid}/cwd"));
        foreach (MountPoint mount in mounts)
            queue.Enqueue(mount.Path);
        return Breadth(watch, queue);
    }

    private static string? Breadth(WatchInfo watch, Queue<string> queue)
    {
        int looked = 0;
        var seen = new HashSet<string>();
        while (queue.TryDequeue(out string? folder) && looked < MaxLookedAt)
        {
            if (!seen.Add(folder) || FileStatus.TryOfPath(folder, follow: false) is not { Type: FileType.Directory } there || there.KernelDevice != watch.Device)
                continue;
            foreach (string path in Entries(folder))
            {
                looked++;
                if (Is(path, watch))
                    return path;
                queue.Enqueue(path);
            }
        }
        return null;
    }

    private static IEnumerable<string> Near(int pid)
    {
        yield return FileCalls.ReadLink($"/proc/{pid}/cwd");
        yield return FileCalls.ReadLink($"/proc/{pid}/exe");
        foreach (int fd in ProcFolders.Descriptors(pid))
            yield return FileCalls.ReadLink($"/proc/{pid}/fd/{fd}");
    }

    private static List<string> Entries(string folder)
    {
        try
        {
            return PathCalls.Entries(folder);
        }
        catch (LinuxException)
        {
            // Gone meanwhile, or not for us to look into: then it is not found there.
            return [];
        }
    }

    private static bool Is(string path, WatchInfo watch) =>
        path.StartsWith('/') && !path.EndsWith(Deleted, StringComparison.Ordinal)
        && FileStatus.TryOfPath(path, follow: false) is { } there
        && (there.KernelDevice, there.Inode) == (watch.Device, watch.Inode);
}
