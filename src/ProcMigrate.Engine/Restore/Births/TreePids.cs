using ProcMigrate.Image.Records;

namespace ProcMigrate.Engine.Restore.Births;

/// <summary>The numbers that a tree needs for itself.</summary>
internal static class TreePids
{
    /// <summary>Of all processes, threads and zombies.</summary>
    public static HashSet<int> Of(TreeRecord tree) =>
        [.. tree.Processes.SelectMany(p => p.Threads).Select(t => t.Tid), .. tree.Zombies.Select(z => z.Pid)];
}
