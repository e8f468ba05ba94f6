using System.Globalization;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Processes;
using ProcMigrate.Linux.ProcFs;

namespace ProcMigrate.Engine.Namespaces;

/// <summary>
/// The namespaces of a running tree, where they hold nothing that an image does not bring along, or that cannot be made again, as those
/// from a restore of ours: such a tree is saved from inside them as if they were not there. Those of others (a container's) hold
/// mounts and networks that no image carries: these stay blockers.
/// </summary>
internal sealed class TreeNamespaces : IDisposable
{
    private readonly NamespaceSet _set;
    private readonly List<(NamespaceFile File, ulong Flag)> _entered = [];

    private TreeNamespaces(int pid, NamespaceSet set, NamespaceSet ours, bool hasBundledNames)
    {
        (Pid, _set) = (pid, set);
        MountNamespace = ProcFolders.Namespace(pid, "mnt");
        foreach ((string kind, ulong flag) in NamespaceSet.Kinds)
        {
            if (kind != "mnt" && set.Differs(ours, kind))
                _entered.Add((set[kind], flag));
        }
        View = hasBundledNames ? set["mnt"] : null;
        OwnsIpc = set.Differs(ours, "ipc") && IsOurInit(pid);
    }

    /// <summary>A process that has them all.</summary>
    public int Pid { get; }

    /// <summary>Those that differ from ours, in order, and how setns(2) calls them. Never that of mounts: nothing may be executed in it.</summary>
    public IReadOnlyList<(NamespaceFile File, ulong Flag)> Entered => _entered;

    /// <summary>Its mounts, where they show the files of a bundle under other names than the host; else null: then the host's are the same.</summary>
    public NamespaceFile? View { get; }

    /// <summary>As /proc/PID/ns/mnt names it.</summary>
    public string MountNamespace { get; }

    /// <summary>Whether all System V objects there are the tree's.</summary>
    public bool OwnsIpc { get; }

    /// <summary>What the processes are called in them.</summary>
    public List<int> InnerPids { get; } = [];

    /// <returns>Null where the processes live as we do, in namespaces that are not to be entered, or not at all.</returns>
    public static TreeNamespaces? Of(IReadOnlyList<int> pids)
    {
        try
        {
            using NamespaceSet ours = NamespaceSet.OfThisCommand(), first = NamespaceSet.Of(pids[0]);
            if (!first.Differs(ours, "mnt") && !first.Differs(ours, "pid"))
                return null;
            // What the tree's root may have made for itself is a matter of the save; what it was born into, its init has.
            int anchor = first.Differs(ours, "pid") ? InitOf(pids[0]) : pids[0];
            return Of(pids, anchor, ours);
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
        if (View is not null && (FileStatus.TryOfPath(inside) is not { } there || FileStatus.TryOfPath(folder) is not { } here || !there.IsSameFile(here)))
        {
            throw new EngineException(
                "FolderHidden", FailureClass.Failed,
                $"The tree lives in a mount namespace that a restore made for it, and has another folder, or none, at {folder}: "
                + "work in, and write the image to, a folder that it has, too.");
        }
    }

    public void Dispose() => _set.Dispose();

    private static TreeNamespaces? Of(IReadOnlyList<int> pids, int anchor, NamespaceSet ours)
    {
        NamespaceSet set = NamespaceSet.Of(anchor);
        try
        {
            MountComparison mounts = MountComparison.Of(anchor);
            var spaces = new TreeNamespaces(anchor, set, ours, mounts.HasBundledNames);
            bool needed = spaces._entered.Count > 0 || spaces.View is not null;
            if (needed && EntryRules.Judge(anchor, set, ours, mounts) is null && pids.All(pid => spaces.Has(pid)))
                return spaces;
        }
        catch
        {
            set.Dispose();
            throw;
        }
        set.Dispose();
        return null;
    }

    private bool Has(int pid)
    {
        using NamespaceSet its = NamespaceSet.Of(pid);
        foreach ((string kind, _) in NamespaceSet.Kinds)
        {
            if (kind != "ipc" && its.Differs(_set, kind))
                return false;
        }
        InnerPids.Add((int)ProcStatus.Of(pid).Numbers("NSpid")[^1]);
        return true;
    }

    /// <summary>Whether process 1 of a process's pid namespace is one that stays until nothing else is left there (<see cref="InitProgram"/>).</summary>
    public static bool HasOurInit(int pid) => IsOurInit(InitOf(pid));

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

    /// <summary>Anybody can look like it: no right depends on it, only what is carried and whether process 1 stays.</summary>
    private static bool IsOurInit(int pid) =>
        FileCalls.ReadLink(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/exe")) == $"/memfd:{InitProgram.Name} (deleted)";
}
