using ProcMigrate.Linux.ProcFs;

namespace ProcMigrate.Engine.Namespaces;

/// <summary>The mounts of a namespace that nothing is mounted over: what a path leads to there.</summary>
internal sealed class VisibleMounts
{
    private readonly List<MountPoint> _all = [];

    public VisibleMounts(List<MountPoint> mounts)
    {
        ILookup<int, MountPoint> on = mounts.Where(m => m.Id != m.Parent).ToLookup(m => m.Parent);
        HashSet<int> known = [.. mounts.Select(m => m.Id)];
        // What the root itself is mounted on is not shown.
        MountPoint? root = mounts.Find(m => m.Path == "/" && (m.Id == m.Parent || !known.Contains(m.Parent)));
        if (root is not null)
            Add(root, on);
    }

    /// <summary>None where a process has made some folder its root that is none of a mount.</summary>
    public IReadOnlyList<MountPoint> All => _all;

    /// <summary>The mount that a path lies on, and the path from the root of that file system.</summary>
    public (MountPoint? Mount, string? Root) At(string path)
    {
        MountPoint? best = null;
        foreach (MountPoint mount in _all)
        {
            if (Below(path, mount.Path) is not null && (best is null || mount.Path.Length > best.Path.Length))
                best = mount;
        }
        return best is null ? (null, null) : (best, Join(best.Root, Below(path, best.Path)!));
    }

    /// <returns>What of a path comes behind a folder: empty for the folder itself, null where it is not in it.</returns>
    public static string? Below(string path, string folder)
    {
        if (folder == "/")
            return path == "/" ? "" : path;
        return path.StartsWith(folder, StringComparison.Ordinal) && (path.Length == folder.Length || path[folder.Length] == '/')
            ? path[folder.Length..]
            : null;
    }

    public static string Join(string folder, string below) => folder == "/" && below.Length > 0 ? below : folder + below;

    private void Add(MountPoint mount, ILookup<int, MountPoint> on)
    {
        List<MountPoint> children = [.. on[mount.Id]];
        if (children.Find(c => c.Path == mount.Path) is { } over)
        {
            Add(over, on);
            return;
        }
        _all.Add(mount);
        foreach (MountPoint child in children)
        {
            if (!children.Exists(other => other != child && other.Path != child.Path && Below(child.Path, other.Path) is not null))
                Add(child, on);
        }
    }
}
