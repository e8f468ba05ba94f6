using ProcMigrate.Engine.Freeze;
using ProcMigrate.Engine.Restore.Births;
using ProcMigrate.Engine.Save;
using ProcMigrate.Image.Records;

namespace ProcMigrate.Engine.Checks;

/// <summary>Whether the processes of a tree can be born again as they are, each with its parent, session and group, and its number.</summary>
internal static class BirthChecks
{
    /// <param name="uses">From right before the tree was frozen; null where it is to be restored elsewhere.</param>
    public static void Report(FrozenTree tree, List<CollectedProcess> collected, PidUses? uses, SaveContext context)
    {
        List<ProcessRecord> processes = [.. collected.Select(c => c.Record)];
        var pids = processes.Select(p => p.Pid).ToHashSet();
        List<Birth> births = Birth.AllOf(processes, tree.Zombies, p => !pids.Contains(p.ParentPid));
        foreach (BirthProblem problem in BirthPlan.Of(births, inCallersSession: false).Problems)
            context.Block(Blocker(problem));
        foreach (IGrouping<int, PidUse> users in (uses?.ByOthers(context.TreePids) ?? []).Where(u => !u.ByZombie).GroupBy(u => u.Number))
        {
            PidUse first = users.First();
            string others = users.Count() > 1 ? $" and {users.Count() - 1} more" : "";
            context.Warnings.Add(
                $"{users.Key} is the {first.Kind} of process {first.By.Pid} ({first.By.Name}){others}, which {(others.Length == 0 ? "is" : "are")} not saved with it: "
                + "as long as that lives, the image can be restored here with --pid-namespace only");
        }
    }

    public static Blocker Blocker(BirthProblem problem) => new Blocker(
        "SessionShape", problem.Pid, null, $"the session and process group of process {problem.Pid}", problem.Why,
        $"end process {problem.Pid}, or save the tree and that process each by itself (--no-children)");
}
