using System.Globalization;
using ProcMigrate.Engine.Freeze;
using ProcMigrate.Engine.Namespaces;
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
                context.Block(Inner(process.Pid, $"{inner} (its parent {parent} has others)"));
            return;
        }
        List<string> others = [.. Namespaces.Where(n => Differs(process.Pid, Environment.ProcessId, n))];
        if (others.Contains("mnt") && HasMountsAsOurs(process.Pid, alone: others.Count == 1, context))
            others.Remove("mnt");
        if (others.Count > 0)
            context.Block(Elsewhere(process.Pid, others));
        else
            PrivateMounts.Report(process, context);
    }

    private static Blocker Inner(int pid, string what)
    {
        const string Reason = "the process was given namespaces of its own inside the tree, and what these hold is not carried";
        string parts = ProcessOne.Is(pid) ? ProcessOne.Remedy(pid) : $"save the part of the tree inside them by itself: procmigrate save {pid}";
        return new Blocker("InnerNamespace", pid, null, what, Reason, parts);
    }

    private static Blocker Elsewhere(int pid, List<string> others)
    {
        EntryRefusal? refusal = Refusal(pid);
        return new Blocker(
            "Namespace", pid, null, $"{string.Join(", ", others)}{(refusal is null ? "" : $" ({refusal.What})")}",
            refusal?.Reason ?? "the tree lives in namespaces other than this command's (as a container's processes do)",
            refusal?.Remedy ?? $"save it from inside, if procmigrate is there: nsenter -t {pid} -a procmigrate save …");
    }

    /// <summary>Why this command was not called again inside, if that is the reason.</summary>
    private static EntryRefusal? Refusal(int pid)
    {
        try
        {
            using NamespaceSet its = NamespaceSet.Of(pid), ours = NamespaceSet.OfThisCommand();
            return EntryRules.Judge(pid, its, ours, MountComparison.Of(pid));
        }
        catch (LinuxException e)
        {
            return new EntryRefusal(e.Message, "what is in them cannot be seen", "save it as root, or from inside");
        }
    }

    /// <summary>A mount namespace with the same mounts as ours is no border: a restore here shows the tree what it sees now.</summary>
    /// <param name="alone">Whether the process has all else with us.</param>
    private static bool HasMountsAsOurs(int pid, bool alone, SaveContext context)
    {
        bool made = ProcFolders.Namespace(pid, "mnt") == InsideNamespaces.Current?.MountNamespace;
        if (!alone && !made)
            return false;
        MountComparison mounts = MountComparison.Of(pid);
        if (!made && (mounts.Private.Count > 0 || mounts.HasBundledNames))
            return false;
        foreach (string mount in mounts.Missing)
            context.Warnings.Add(string.Create(CultureInfo.InvariantCulture, $"process {pid} does not see what is mounted on {mount} here, and will after a restore"));
        return true;
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
