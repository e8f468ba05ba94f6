using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.ProcFs;

namespace ProcMigrate.Engine.Restore;

/// <summary>Where the hierarchies of control groups are mounted, and joining a group there.</summary>
internal sealed class ControlGroupMounts(RestoreContext context)
{
    private const string Version2 = "cgroup2";
    private readonly List<(string Type, string Root, string Point, string[] Options)> _mounts = ReadMounts();
    private readonly HashSet<string> _told = [];

    /// <summary>Moves a process with all its threads, or one thread, from where it was born to where it belongs.</summary>
    public void Join(IReadOnlyList<string> born, IReadOnlyList<string> belongs, int id, bool thread)
    {
        foreach (string group in belongs.Except(born))
        {
            int colon = group.IndexOf(':', StringComparison.Ordinal);
            Join(group[..colon], group[(colon + 1)..], id, thread);
        }
    }

    private void Join(string controllers, string path, int id, bool thread)
    {
        bool second = controllers.Length == 0;
        string file = !thread ? "cgroup.procs" : second ? "cgroup.threads" : "tasks";
        if ((FolderOf(controllers, path) ?? Make(controllers, path)) is not { } folder)
        {
            Tell(controllers, path, "does not exist here, or is not mounted");
            return;
        }
        try
        {
            FileCalls.WriteText($"{folder}/{file}", $"{id}");
        }
        catch (LinuxException e)
        {
            Tell(controllers, path, $"cannot be joined: {e.Message}");
        }
    }

    /// <summary>
    /// A hierarchy with a name and no controllers governs nothing: its groups are labels that programs give one another, and one
    /// that is missing is made. Not systemd's, whose groups stand for its units.
    /// </summary>
    private string? Make(string controllers, string path)
    {
        const int OwnerWrites = 0x1ed; // 0755
        if (!controllers.StartsWith("name=", StringComparison.Ordinal) || controllers == "name=systemd" || path == "/")
            return null;
        int slash = path.LastIndexOf('/');
        string above = slash <= 0 ? "/" : path[..slash];
        if ((FolderOf(controllers, above) ?? Make(controllers, above)) is not { } parent)
            return null;
        string folder = $"{parent}{path[slash..]}";
        FolderCalls.MakeFolder(folder, OwnerWrites);
        context.OnFailure(() => FolderCalls.RemoveFolder(folder));
        return folder;
    }

    /// <returns>Null where the group is not here, or its hierarchy is not mounted.</returns>
    public string? FolderOf(string controllers, string path)
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

    private void Tell(string controllers, string path, string why)
    {
        string name = controllers.Length == 0 ? path : $"{controllers}:{path}";
        if (_told.Add(name))
            context.Warnings.Add($"the control group {name} that the program was in {why}; it stays in this command's");
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
                mounts.Add((fields[dash + 1], MountPoint.Unescape(fields[3]), MountPoint.Unescape(fields[4]), fields[dash + 3].Split(',')));
        }
        return mounts;
    }
}
