using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Host;

/// <summary>Where control groups (cgroups(7), both versions) lie in the file system.</summary>
internal sealed class ControlGroupFolders
{
    private const string Version2 = "cgroup2";
    private readonly List<(string Type, string Root, string Point, string[] Options)> _mounts = ReadMounts();

    /// <param name="controllers">As in /proc/PID/cgroup: none for version 2.</param>
    /// <returns>Null where the group is not here, or its hierarchy is not mounted.</returns>
    public string? Of(string controllers, string path)
    {
        string[] wanted = controllers.Split(',', StringSplitOptions.RemoveEmptyEntries);
        foreach ((string type, string root, string point, string[] options) in _mounts)
        {
            bool fits = wanted.Length == 0 ? type == Version2 : type != Version2 && wanted.All(options.Contains);
            bool inside = root == "/" || path == root || path.StartsWith(root + "/", StringComparison.Ordinal);
            if (!fits || !inside)
                continue;
            string folder = point + (root == "/" ? path : path[root.Length..]);
            if (Directory.Exists(folder))
                return folder.TrimEnd('/');
        }
        return null;
    }

    /// <summary>/proc/self/mountinfo: … root, mount point, …, -, type, source, options.</summary>
    private static List<(string Type, string Root, string Point, string[] Options)> ReadMounts()
    {
        var mounts = new List<(string, string, string, string[])>();
        foreach (string line in FileCalls.ReadText("/proc/self/mountinfo").Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            string[] fields = line.Split(' ');
            int dash = Array.IndexOf(fields, "-");
            if (dash > 0 && fields.Length > dash + 3 && fields[dash + 1] is ("cgroup" or Version2))
                mounts.Add((fields[dash + 1], fields[3], fields[4], fields[dash + 3].Split(',')));
        }
        return mounts;
    }
}
