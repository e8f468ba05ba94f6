using ProcMigrate.Engine.Host;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Restore;

/// <summary>Where the hierarchies of control groups are mounted, and joining a group there.</summary>
internal sealed class ControlGroupMounts(RestoreContext context)
{
    private readonly ControlGroupFolders _folders = new();
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
        if ((_folders.Of(controllers, path) ?? Make(controllers, path)) is not { } folder)
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
        if ((_folders.Of(controllers, above) ?? Make(controllers, above)) is not { } parent)
            return null;
        string folder = $"{parent}{path[slash..]}";
        FolderCalls.MakeFolder(folder, OwnerWrites);
        context.OnFailure(() => FolderCalls.RemoveFolder(folder));
        return folder;
    }

    private void Tell(string controllers, string path, string why)
    {
        string name = controllers.Length == 0 ? path : $"{controllers}:{path}";
        if (_told.Add(name))
            context.Warnings.Add($"the control group {name} that the program was in {why}; it stays in this command's");
    }
}
