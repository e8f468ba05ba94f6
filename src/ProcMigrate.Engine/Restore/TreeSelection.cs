using ProcMigrate.Image.Records;

namespace ProcMigrate.Engine.Restore;

/// <summary>The part of an image that is to be restored: some of its processes with their descendants.</summary>
internal static class TreeSelection
{
    public static TreeRecord Of(TreeRecord tree, IReadOnlyList<int> only)
    {
        if (only.Count == 0)
            return tree;
        if (only.FirstOrDefault(pid => tree.Processes.All(p => p.Pid != pid)) is var missing && missing != 0)
        {
            throw new EngineException(
                "NotInImage", FailureClass.Usage,
                $"The image has no process {missing}; it has {string.Join(", ", tree.Processes.Select(p => p.Pid))}.");
        }
        var chosen = new HashSet<int>();
        var roots = new List<int>();
        foreach (ProcessRecord process in tree.Processes) // parents come before children
        {
            bool inherited = chosen.Contains(process.ParentPid);
            if (!inherited && only.Contains(process.Pid))
                roots.Add(process.Pid);
            if (inherited || only.Contains(process.Pid))
                chosen.Add(process.Pid);
        }
        // A root of the selection has nobody to share with: it gets tables of its own, with the same content.
        List<ProcessRecord> processes =
            [.. tree.Processes.Where(p => chosen.Contains(p.Pid)).Select(p => chosen.Contains(p.ParentPid) ? p : p with { SharedWithParent = 0 })];
        return tree with
        {
            Processes = processes,
            FurtherRoots = [.. roots.Where(pid => pid != processes[0].Pid)],
            Zombies = [.. tree.Zombies.Where(z => chosen.Contains(z.ParentPid))],
        };
    }

    /// <summary>Objects that the chosen processes refer to themselves; what is behind those (a memfd's memory) they bring along.</summary>
    public static HashSet<int> ObjectsOf(TreeRecord tree)
    {
        var ids = new HashSet<int>();
        foreach (ProcessRecord process in tree.Processes)
        {
            ids.UnionWith([process.ExecutableObject, process.WorkingFolderObject, process.RootFolderObject]);
            ids.UnionWith(process.Threads.Select(t => t.WorkingFolderObject ?? process.WorkingFolderObject));
            ids.UnionWith(process.Descriptors.Select(d => d.ObjectId));
            ids.UnionWith(process.Mappings.Where(m => m.ObjectId != 0).Select(m => m.ObjectId));
        }
        return ids;
    }
}
