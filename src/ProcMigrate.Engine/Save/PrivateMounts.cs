using System.Globalization;
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
        if (WorldOutside(root, "uts", context) is not null)
            context.Warnings.Add("the host name is of a uts namespace that ends with the tree, and will be that of where it is restored");
        if (WorldOutside(root, "mnt", context) is not { } world)
            return;
        MountComparison mounts = MountComparison.Between(MountPoint.ReadAll(), MountPoint.ReadAll(world.ToString(CultureInfo.InvariantCulture)));
        if (mounts.Private.Count == 0)
            return;
        context.Block(new Blocker(
            "PrivateMounts", root.Pid, null, string.Join("; ", mounts.Private),
            "nothing but the tree lives in this mount namespace: it ends with the tree, and a restore would find other files under these names",
            $"have something keep it, and restore inside, too: nsenter -t {root.Pid} -m sleep infinity &"));
    }

    /// <returns>A process outside of the namespace that we are in with the tree, if that ends with the tree; else null.</returns>
    private static int? WorldOutside(TracedProcess root, string kind, SaveContext context)
    {
        string ours = ProcFolders.Namespace(Environment.ProcessId, kind);
        if (!IsIn(ours, kind, root.Pid) || World(ours, kind) is not { } world)
            return null;
        return ProcFolders.Processes().Exists(pid => IsIn(ours, kind, pid) && !context.TreePids.Contains(pid) && !IsVisitor(pid, root)) ? null : world;
    }

    /// <summary>
    /// Process 1, or, where nobody is allowed to look at that, whoever of those that have called this command lives outside. An ordinary user
    /// learns nothing of either; and he enters no namespaces but his own.
    /// </summary>
    private static int? World(string ours, string kind)
    {
        if (TryNamespace(Init, kind) is { } ofInit)
            return ofInit == ours ? null : Init;
        for (int pid = Environment.ProcessId; pid > 0; pid = ProcStat.TryOf(pid)?.ParentPid ?? 0)
        {
            if (TryNamespace(pid, kind) is { } its && its != ours)
                return pid;
        }
        return null;
    }

    private static string? TryNamespace(int pid, string kind)
    {
        try
        {
            return ProcFolders.Namespace(pid, kind);
        }
        catch (LinuxException)
        {
            // Gone meanwhile, a kernel thread, or not ours to look at.
            return null;
        }
    }

    private static bool IsIn(string space, string kind, int pid) => TryNamespace(pid, kind) == space;

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
