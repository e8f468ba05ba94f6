using ProcMigrate.Engine.Freeze;
using ProcMigrate.Engine.Namespaces;
using ProcMigrate.Linux;
using ProcMigrate.Linux.ProcFs;

namespace ProcMigrate.Engine.Save;

/// <summary>
/// Where this command has been called inside the namespaces of a tree (nsenter -t PID -a), what is in them looks as if it were the
/// world's. But a mount or uts namespace ends with its last process, and a restore would find other files and another host name.
/// </summary>
internal static class PrivateMounts
{
    private const int Init = 1;

    public static void Report(TracedProcess root, SaveContext context)
    {
        if (InsideNamespaces.Current is not null || context.TreePids.Contains(Init))
            return;
        if (EndsWithTree(root, "uts", context))
            context.Warnings.Add("the host name is of a uts namespace that ends with the tree, and will be that of where it is restored");
        if (!EndsWithTree(root, "mnt", context))
            return;
        MountComparison mounts = MountComparison.Between(MountPoint.ReadAll(), MountPoint.ReadAll("1"));
        if (mounts.Private.Count == 0)
            return;
        context.Block(new Blocker(
            "PrivateMounts", root.Pid, null, string.Join("; ", mounts.Private),
            "nothing but the tree lives in this mount namespace: it ends with the tree, and a restore would find other files under these names",
            $"have something keep it, and restore inside, too: nsenter -t {root.Pid} -m sleep infinity &"));
    }

    private static bool EndsWithTree(TracedProcess root, string kind, SaveContext context)
    {
        try
        {
            string ours = ProcFolders.Namespace(Environment.ProcessId, kind);
            return ours != ProcFolders.Namespace(Init, kind) && ours == ProcFolders.Namespace(root.Pid, kind)
                && !ProcFolders.Processes().Exists(pid => IsIn(ours, kind, pid) && !context.TreePids.Contains(pid) && !IsVisitor(pid, root));
        }
        catch (LinuxException e) when (e.Errno is Errno.EACCES or Errno.EPERM or Errno.ENOENT or Errno.ESRCH)
        {
            // Of init an ordinary user learns nothing; and he enters no namespaces but his own.
            return false;
        }
    }

    private static bool IsIn(string space, string kind, int pid)
    {
        try
        {
            return ProcFolders.Namespace(pid, kind) == space;
        }
        catch (LinuxException)
        {
            // Gone meanwhile, or a kernel thread.
            return false;
        }
    }

    /// <summary>This command, and what has called it and came after the tree: it came for the save. A shell that is older is where the tree was started.</summary>
    private static bool IsVisitor(int pid, TracedProcess root)
    {
        for (ProcStat? own = ProcStat.TryOf(Environment.ProcessId); own is not null && own.StartTime >= root.Stat.StartTime; own = ProcStat.TryOf(own.ParentPid))
        {
            if (own.Pid == pid)
                return true;
        }
        return false;
    }
}
