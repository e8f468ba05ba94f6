using ProcMigrate.Engine.Restore.Births;

namespace ProcMigrate.Tests.Engine.Births;

/// <summary>The plan is carried out on a model of the kernel, and must lead to the tree that it was made from.</summary>
public sealed class BirthPlanTests
{
    private const int Shell = 1000;

    [Fact]
    public void AnyHistoryOfForks_CanBeMadeAgain()
    {
        for (var seed = 0; seed < 4000; seed++)
        {
            var kernel = new History(seed).Kernel;
            foreach (var wait in new[] { false, true })
                AssertMadeAgain(TreeOf(kernel, new Random(seed)), wait, $"history {seed}, wait {wait}");
        }
    }

    /// <summary>A shell's pipeline, each process named as a root: two in one group of one session that is led from outside.</summary>
    [Fact]
    public void Pipeline_SharesSessionAndGroup()
    {
        List<Birth> tree = [Root(20, 20, Shell), Root(10, 20, Shell)];
        AssertMadeAgain(tree, false, "the leader first");
        tree.Reverse();
        AssertMadeAgain(tree, false, "the leader last");
    }

    [Fact]
    public void OrphanNamedBeforeItsSessionsLeader_IsInItsSession()
    {
        AssertMadeAgain([Root(30, 30, 20), Root(20, 20, 20)], false, "an orphan with a group of its own");
        AssertMadeAgain([Root(30, 20, 20), Root(20, 20, 20)], false, "an orphan in the leader's group");
    }

    /// <summary>It was born before its parent became a leader, in a session that is led from outside.</summary>
    [Fact]
    public void ChildOfALeader_InTheSessionOutside_IsBornBeforeTheFounding()
    {
        List<Birth> tree = [Root(20, 20, 20), new Birth(21, 20, Shell, Shell), new Birth(22, 20, 20, 20)];
        AssertMadeAgain(tree, false, "one level");
        AssertMadeAgain([Root(20, 20, 20), new Birth(21, 20, 21, 21), new Birth(22, 21, Shell, Shell)], false, "two levels");
    }

    [Fact]
    public void GroupThatItsFounderHasLeft_IsThereAgain()
    {
        AssertMadeAgain([Root(20, 20, 20), new Birth(21, 20, 20, 20), new Birth(22, 20, 21, 20)], false, "for the leader's");
        // Each founded one and is in the other's: both lived through it by members that are gone.
        AssertMadeAgain([Root(20, 20, 20), new Birth(21, 20, 22, 20), new Birth(22, 20, 21, 20)], false, "for each other's");
    }

    /// <summary>A daemon whose leader has ended, adopted by a subreaper: the number of its session is that of its group, too, and is taken by that.</summary>
    [Fact]
    public void GroupOfASessionWhoseLeaderHasEnded_IsThatOfTheStandIn()
    {
        List<Birth> tree = [Root(50, 50, 50), new Birth(52, 50, 51, 51), new Birth(53, 52, 51, 51)];
        AssertMadeAgain(tree, false, "an adopted daemon");
        Assert.DoesNotContain(BirthPlan.Of(tree, false).Steps, s => s is BirthStep.GroupOfAbsent);
    }

    [Fact]
    public void LongChain_IsPlannedWithoutRecursion()
    {
        List<Birth> tree = [Root(2, 2, 2)];
        for (var pid = 3; pid < 20_000; pid++)
            tree.Add(new Birth(pid, pid - 1, 2, 2));
        Assert.Empty(BirthPlan.Of(tree, false).Problems);
    }

    [Fact]
    public void WhatNoForkLeadsTo_IsAProblem()
    {
        // A group that spans two sessions.
        Assert.NotEmpty(BirthPlan.Of([Root(20, 20, 20), new Birth(21, 20, 21, 21), new Birth(22, 20, 21, 20)], false).Problems);
        // Orphans of two sessions, with a parent that can have been born in one of these only.
        Assert.NotEmpty(BirthPlan.Of(
            [Root(20, 20, 20), Root(40, 40, 40), Root(30, 30, 30), new Birth(31, 30, 20, 20), new Birth(32, 30, 40, 40)], false).Problems);
    }

    private static Birth Root(int pid, int group, int session) => new(pid, 1, group, session) { IsRoot = true };

    /// <summary>Some of the living processes with all that is below them, in an order of no meaning but that parents come first.</summary>
    private static List<Birth> TreeOf(ModelKernel kernel, Random random)
    {
        var candidates = kernel.All.Where(p => p.Pid != ModelKernel.Init && !p.Ended).ToList();
        HashSet<int> chosen = [];
        for (var roots = random.Next(1, 4); roots > 0; roots--)
            chosen.Add(candidates[random.Next(candidates.Count)].Pid);
        for (var grown = true; grown;)
            grown = kernel.All.Where(p => chosen.Contains(p.Parent)).ToList().Exists(p => chosen.Add(p.Pid));
        List<Birth> tree = [];
        HashSet<int> done = [];
        while (done.Count < chosen.Count)
        {
            var ready = kernel.All.Where(p => chosen.Contains(p.Pid) && !done.Contains(p.Pid) && (!chosen.Contains(p.Parent) || done.Contains(p.Parent))).ToList();
            var next = ready[random.Next(ready.Count)];
            done.Add(next.Pid);
            tree.Add(new Birth(next.Pid, next.Parent, next.Group, next.Session) { IsRoot = !chosen.Contains(next.Parent) });
        }
        return tree;
    }

    private static void AssertMadeAgain(List<Birth> tree, bool wait, string what)
    {
        var plan = BirthPlan.Of(tree, wait);
        Assert.True(plan.Problems.Count == 0, $"{what}: {string.Join("; ", plan.Problems)}\n{string.Join('\n', tree)}");
        ModelKernel kernel;
        try
        {
            kernel = new Execution(plan).Kernel;
        }
        catch (InvalidOperationException e)
        {
            throw new InvalidOperationException($"{what}: {e.Message}\n{string.Join('\n', tree)}\n{string.Join('\n', plan.Steps)}", e);
        }
        var differences = Differences(tree, kernel, wait).ToList();
        Assert.True(differences.Count == 0, $"{what}: {string.Join("; ", differences)}\n{string.Join('\n', tree)}\n{string.Join('\n', plan.Steps)}");
    }

    private static IEnumerable<string> Differences(List<Birth> tree, ModelKernel kernel, bool wait)
    {
        var pids = tree.Select(b => b.Pid).ToHashSet();
        foreach (var birth in tree)
        {
            var made = kernel[birth.Pid];
            if (made.Parent != (birth.IsRoot ? ModelKernel.Init : birth.ParentPid))
                yield return $"{birth.Pid} has parent {made.Parent}";
            if (birth.LeadsSession != (made.Session == made.Pid) && !birth.IsRoot)
                yield return $"{birth.Pid} leads or does not lead a session";
            if (pids.Contains(birth.SessionId) && made.Session != birth.SessionId)
                yield return $"{birth.Pid} is in session {made.Session}";
            if (pids.Contains(birth.GroupId) && made.Group != birth.GroupId)
                yield return $"{birth.Pid} is in group {made.Group}";
            foreach (var other in tree)
            {
                if (birth.SessionId == other.SessionId != (made.Session == kernel[other.Pid].Session) && !wait)
                    yield return $"{birth.Pid} and {other.Pid} share or do not share a session";
                if (birth.GroupId == other.GroupId != (made.Group == kernel[other.Pid].Group) && !wait)
                    yield return $"{birth.Pid} and {other.Pid} share or do not share a group";
            }
        }
    }

    /// <summary>A shell and what comes of random forks, sessions, groups, ends and adoptions.</summary>
    private sealed class History
    {
        private readonly Random random;

        internal History(int seed)
        {
            random = new Random(seed);
            var shell = Kernel.Fork(ModelKernel.Init);
            Kernel.TrySetSession(shell);
            for (var step = random.Next(3, 60); step > 0; step--)
                Step();
            if (Living().Count == 0)
                Kernel.Fork(ModelKernel.Init);
        }

        internal ModelKernel Kernel { get; } = new();

        private List<ModelKernel.Process> Living() => [.. Kernel.All.Where(p => !p.Ended && p.Pid != ModelKernel.Init)];

        private void Step()
        {
            var living = Living();
            if (living.Count == 0)
            {
                Kernel.Fork(ModelKernel.Init);
                return;
            }
            var self = living[random.Next(living.Count)];
            switch (random.Next(12))
            {
                case < 5: Kernel.Fork(self.Pid); break;
                case 5: Kernel.TrySetSession(self.Pid); break;
                case 6: Kernel.TrySetGroup(self.Pid, self.Pid); break;
                case 7: Kernel.TrySetGroup(self.Pid, living[random.Next(living.Count)].Group); break;
                case 8: self.Subreaper = !self.Subreaper; break;
                case < 11: Kernel.Exit(self.Pid); break;
                default:
                    foreach (var child in Kernel.All.Where(p => p.Parent == self.Pid && p.Ended).ToList())
                        Kernel.Reap(child.Pid);
                    break;
            }
        }
    }

    /// <summary>What <see cref="ProcessCreator"/> does with a plan.</summary>
    private sealed class Execution
    {
        private readonly int seed;
        private readonly Dictionary<int, (int Pid, int? Reaper)> helpers = [];

        internal Execution(BirthPlan plan)
        {
            // Far above all numbers of the histories.
            var engine = Kernel.Fork(ModelKernel.Init, 100_000);
            Kernel.TrySetSession(engine);
            seed = Kernel.Fork(engine, 100_001);
            foreach (var step in plan.Steps)
                Do(step);
            Kernel.Exit(seed);
        }

        internal ModelKernel Kernel { get; } = new();

        private void Do(BirthStep step)
        {
            switch (step)
            {
                case BirthStep.Bear bear: Kernel.Fork(Resolve(bear.Mother), bear.Child.Pid); break;
                case BirthStep.FoundSession found: Require(Kernel.TrySetSession(found.Leader.Pid), step); break;
                case BirthStep.FoundGroup found: Require(Kernel.TrySetGroup(found.Leader, found.Leader), step); break;
                case BirthStep.JoinGroup join: Require(Kernel.TrySetGroup(join.Member, join.Leader), step); break;
                case BirthStep.JoinGroupOf join: Require(Kernel.TrySetGroup(join.Member, Kernel[join.Other].Group), step); break;
                case BirthStep.StartHelper start: StartHelper(start); break;
                case BirthStep.EndHelper end: EndHelper(helpers[end.Id]); break;
                case BirthStep.GroupOfAbsent absent: MakeGroup(absent); break;
                default: throw new InvalidOperationException($"no such step: {step}");
            }
        }

        private void StartHelper(BirthStep.StartHelper start)
        {
            var pid = Kernel.Fork(Resolve(start.Mother), 200_000 + start.Id);
            if (start.Founds is not null)
                Require(Kernel.TrySetSession(pid), start);
            if (start.Reaper is { } reaper)
                Kernel[reaper].Subreaper = true;
            helpers[start.Id] = (pid, start.Reaper);
        }

        private void EndHelper((int Pid, int? Reaper) helper)
        {
            Kernel.Exit(helper.Pid);
            Kernel.Reap(helper.Pid);
            if (helper.Reaper is { } reaper)
                Kernel[reaper].Subreaper = false;
        }

        private void MakeGroup(BirthStep.GroupOfAbsent absent)
        {
            var standIn = Kernel.Fork(absent.Members[0], 300_000 + Math.Max(absent.Group, 0));
            Require(Kernel.TrySetGroup(standIn, standIn), absent);
            foreach (var member in absent.Members)
                Require(Kernel.TrySetGroup(member, standIn), absent);
            Kernel.Exit(standIn);
            Kernel.Reap(standIn);
        }

        private int Resolve(Mother mother) => mother.Helper != 0 ? helpers[mother.Helper].Pid : mother.Pid != 0 ? mother.Pid : seed;

        private static void Require(bool done, BirthStep step)
        {
            if (!done)
                throw new InvalidOperationException($"EPERM: {step}");
        }
    }
}
