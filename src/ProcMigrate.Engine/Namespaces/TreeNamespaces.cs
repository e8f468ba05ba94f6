using System.Globalization;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.ProcFs;

namespace ProcMigrate.Engine.Namespaces;

/// <summary>
/// The namespaces that a running tree got from a restore of ours. They hold nothing that the image does not bring along, or that
/// cannot be made again, so such a tree is saved from inside them as if they were not there. Those of others (a container's) hold
/// mounts and networks that no image carries: these stay blockers.
/// </summary>
internal sealed class TreeNamespaces
{
    private static readonly (string Name, ulong Flag)[] Kinds =
    [
        ("user", RestoreNamespaces.CLONE_NEWUSER), ("mnt", RestoreNamespaces.CLONE_NEWNS), ("pid", RestoreNamespaces.CLONE_NEWPID),
        ("time", RestoreNamespaces.CLONE_NEWTIME),
    ];

    private static readonly (string Name, ulong Flag)[] AlsoOfInit = [.. Kinds, ("ipc", RestoreNamespaces.CLONE_NEWIPC)];

    /// <summary>A process that has them all.</summary>
    public int Pid { get; }

    private TreeNamespaces(int pid, ulong flags) => (Pid, Flags) = (pid, flags);

    /// <summary>Those that differ from ours, as setns(2) takes them.</summary>
    public ulong Flags { get; }

    /// <summary>What the processes are called in them.</summary>
    public List<int> InnerPids { get; } = [];

    /// <returns>Null where the processes live as we do, in namespaces of others, or not at all.</returns>
    public static TreeNamespaces? Of(IReadOnlyList<int> pids)
    {
        try
        {
            ulong flags = Differing(pids[0], Environment.ProcessId, Kinds);
            if ((flags & RestoreNamespaces.CLONE_NEWNS) == 0 || !IsMadeByUs(pids[0]))
                return null;
            int anchor = pids[0];
            if ((flags & RestoreNamespaces.CLONE_NEWPID) != 0)
            {
                // What the tree's root may have made for itself is a matter of the save; what it was born into, its init has.
                anchor = InitOf(pids[0]);
                flags = Differing(anchor, Environment.ProcessId, AlsoOfInit);
            }
            var spaces = new TreeNamespaces(anchor, flags);
            foreach (int pid in pids)
            {
                if (Differing(pid, anchor, Kinds) != 0)
                    return null;
                spaces.InnerPids.Add((int)ProcStatus.Of(pid).Numbers("NSpid")[^1]);
            }
            return spaces;
        }
        catch (LinuxException)
        {
            // Gone, or not ours to look at: the save itself tells which.
            return null;
        }
    }

    /// <summary>Refuses a folder that is another one, or none, in the mount namespace of the tree.</summary>
    public void RequireSame(string folder)
    {
        string inside = string.Create(CultureInfo.InvariantCulture, $"/proc/{Pid}/root{folder}");
        if (FileStatus.TryOfPath(inside) is not { } there || FileStatus.TryOfPath(folder) is not { } here || !there.IsSameFile(here))
        {
            throw new EngineException(
                "FolderHidden", FailureClass.Failed,
                $"The tree lives in a mount namespace that a restore made for it, and has another folder, or none, at {folder}: "
                + "work in, and write the image to, a folder that it has, too.");
        }
    }

    private static int InitOf(int pid)
    {
        string space = ProcFolders.Namespace(pid, "pid");
        foreach (int candidate in ProcFolders.Processes())
        {
            try
            {
                if (ProcFolders.Namespace(candidate, "pid") == space && ProcStatus.Of(candidate).Numbers("NSpid")[^1] == 1)
                    return candidate;
            }
            catch (LinuxException)
            {
                // Gone meanwhile, or another user's.
            }
        }
        throw new LinuxException("init", $"the pid namespace of process {pid}", Errno.ESRCH);
    }

    private static ulong Differing(int pid, int other, (string Name, ulong Flag)[] kinds)
    {
        ulong flags = 0;
        foreach ((string name, ulong flag) in kinds)
        {
            if (ProcFolders.Namespace(pid, name) != ProcFolders.Namespace(other, name))
                flags |= flag;
        }
        return flags;
    }

    private static bool IsMadeByUs(int pid) =>
        FileCalls.ReadText(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/mountinfo"))
            .Contains($" - proc {NamespaceLauncher.MarkOfOurs} ", StringComparison.Ordinal);
}
