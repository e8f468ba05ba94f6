using ProcMigrate.Engine.Host;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Freeze;

/// <summary>
/// Control groups that are frozen (cgroups(7)). A process in one does nothing that a tracer asks it for: of version 1 it does not even stop,
/// of version 2 it stops, and makes no call (do_freezer_trap() in kernel/signal.c, Linux 6.18). Both end when somebody thaws the group.
/// </summary>
internal sealed class FrozenGroups
{
    private readonly ControlGroupFolders _folders = new();

    // Of a server's many workers all are in one group.
    private readonly Dictionary<string, string?> _known = [];

    /// <summary>Refuses to stop a process in one.</summary>
    public void Refuse(int pid)
    {
        foreach (string line in Lines(pid))
        {
            // 4:freezer:/a/b, and 0::/a/b for version 2.
            if (Find(line[(line.IndexOf(':', StringComparison.Ordinal) + 1)..]) is not { } folder)
                continue;
            throw new EngineException(
                [Describe(folder, pid, "the process is a member of it, and as long as that lasts nothing can be asked of it")],
                $"Process {pid} is in a frozen control group.");
        }
    }

    /// <param name="group">Controllers and path: <c>freezer:/a/b</c>, or <c>:/a/b</c> for version 2.</param>
    /// <returns>The folder of the frozen group, which may be one around it; null where nothing is frozen.</returns>
    public string? Find(string group)
    {
        if (!_known.TryGetValue(group, out string? frozen))
            _known[group] = frozen = Look(group);
        return frozen;
    }

    public static Blocker Describe(string folder, int? pid, string why)
    {
        bool second = File.Exists($"{folder}/cgroup.freeze");
        return new Blocker(
            "FrozenGroup", pid, null, $"the control group {folder} is frozen", why,
            $"thaw it: {(second ? $"echo 0 >{folder}/cgroup.freeze" : $"echo THAWED >{folder}/freezer.state")} (or by what has frozen it: systemctl thaw, docker unpause)");
    }

    private string? Look(string group)
    {
        int colon = group.IndexOf(':', StringComparison.Ordinal);
        string controllers = group[..colon];
        bool second = controllers.Length == 0;
        if (!second && !controllers.Split(',').Contains("freezer"))
            return null;
        // Of version 1, the group's own wish; its state also tells of the groups around it. The root of either has no such file.
        string file = second ? "cgroup.freeze" : "freezer.self_freezing";
        for (string? folder = _folders.Of(controllers, group[(colon + 1)..]); folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (!File.Exists($"{folder}/{file}"))
                return null;
            if (FileCalls.ReadText($"{folder}/{file}").StartsWith('1'))
                return folder;
        }
        return null;
    }

    private static string[] Lines(int pid)
    {
        try
        {
            return FileCalls.ReadText($"/proc/{pid}/cgroup").Split('\n', StringSplitOptions.RemoveEmptyEntries);
        }
        catch (LinuxException e) when (e.Errno is Errno.ENOENT or Errno.ESRCH)
        {
            // It has ended, which whoever stops it notices.
            return [];
        }
    }
}
