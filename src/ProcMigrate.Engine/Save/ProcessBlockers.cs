using ProcMigrate.Engine.Freeze;
using ProcMigrate.Linux;
using ProcMigrate.Linux.ProcFs;

namespace ProcMigrate.Engine.Save;

/// <summary>What a process may have that is neither mapping nor descriptor and is not carried.</summary>
internal static class ProcessBlockers
{
    /// <summary>Those that <see cref="Kinds.NamespaceAspect"/> does not carry.</summary>
    private static readonly string[] Namespaces = ["user", "pid", "pid_for_children", "mnt", "net", "cgroup"];

    public static void Report(TracedProcess process, SaveContext context)
    {
        ReportNamespaces(process, context);
    }

    /// <summary>
    /// Told where the border is: at a root of the tree that lives elsewhere than this command, or at a process that was given
    /// namespaces of its own inside the tree; not again for each of their descendants.
    /// </summary>
    private static void ReportNamespaces(TracedProcess process, SaveContext context)
    {
        int parent = process.Stat.ParentPid;
        if (context.Processes.Any(p => p.Pid == parent))
        {
            string inner = string.Join(", ", Namespaces.Where(n => Differs(process.Pid, parent, n)));
            if (inner.Length > 0)
            {
                context.Block(new Blocker(
                    "InnerNamespace", process.Pid, null, $"{inner} (its parent {parent} has others)",
                    "the process was given namespaces of its own inside the tree, and what these hold is not carried",
                    $"save the part of the tree inside them by itself: nsenter -t {process.Pid} -a procmigrate save …"));
            }
            return;
        }
        string others = string.Join(", ", Namespaces.Where(n => Differs(process.Pid, Environment.ProcessId, n)));
        if (others.Length > 0)
        {
            context.Block(new Blocker(
                "Namespace", process.Pid, null, others,
                "the tree lives in namespaces other than this command's (as a container's processes do)",
                $"run procmigrate inside them: nsenter -t {process.Pid} -a procmigrate save …"));
        }
    }

    private static bool Differs(int pid, int own, string name)
    {
        try
        {
            return ProcFolders.Namespace(pid, name) != ProcFolders.Namespace(own, name);
        }
        catch (LinuxException e) when (e.Errno == Errno.ENOENT)
        {
            // A kernel without this kind of namespace: then both are in the one there is.
            return false;
        }
    }
}
