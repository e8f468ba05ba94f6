using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Programs;

/// <summary>A test on a program that people run and the machine has.</summary>
public abstract class ProgramTest : SystemTest
{
    private protected static void Need(string program) =>
        Assert.SkipUnless(File.Exists(program), $"{program} is not installed; scripts/setup installs it");

    private protected static void OnlyNightly() => Assert.SkipUnless(Places.Long, "a heavy one: PROCMIGRATE_LONG=1");

    private protected ProgramUnderTest Run(params string[] command) => ProgramUnderTest.StartCommand(Folder, command);

    /// <summary>Saves and restores a tree that stands: the same processes, each under the same parent, in the same session and group.</summary>
    private protected void SaveAndRestoreTree(ProgramUnderTest root)
    {
        string[] before = StableTree(root.Pid);
        root.SaveAndRestoreChanging(Image);
        Assert.Equal(before, Tree(root.Pid));
    }

    /// <summary>Waits until the tree has used some more time of a processor, so that a save meets it in the middle of its work.</summary>
    private protected static void AwaitWork(ProgramUnderTest root, long ticks)
    {
        long start = Ticks(root.Pid);
        Wait.Until(() => Ticks(root.Pid) >= start + ticks || !root.IsAlive, () => "no work is done: " + root.Log);
        Assert.True(root.IsAlive, "it came to its end before it could be saved: " + root.Log);
    }

    private protected static void AwaitChildren(ProgramUnderTest root, int count) =>
        Wait.Until(() => Reaper.Descendants(root.Pid).Count >= count, () => $"there are not {count} descendants: {root.Log}");

    private protected static void EndByTerm(ProgramUnderTest server, int status = 0)
    {
        server.Signal(Native.SIGTERM);
        Assert.Equal(status, server.AwaitExit());
    }

    /// <summary>The tree once no process comes or goes any more, as those do that served the last client.</summary>
    private static string[] StableTree(int root)
    {
        string[] seen = [];
        int since = 0;
        Wait.Until(
            () =>
            {
                string[] now = Tree(root);
                since = now.SequenceEqual(seen) ? since + 1 : 0;
                seen = now;
                return since > 40;
            },
            () => "the tree keeps changing: " + string.Join(", ", seen));
        return seen;
    }

    /// <summary>The processes with parent, group and session; the root's parent is somebody else after a restore.</summary>
    private static string[] Tree(int root) =>
        [.. Reaper.Descendants(root).Append(root).Order().Select(pid => Describe(pid, isRoot: pid == root))];

    private static string Describe(int pid, bool isRoot)
    {
        if (Proc.Stat($"/proc/{pid}") is not { } stat)
            return $"{pid} has ended";
        // From field 3 on: state, parent, group, session.
        return $"{pid} {Proc.ReadText($"/proc/{pid}/comm")?.Trim()} parent {(isRoot ? "-" : stat[1])} group {stat[2]} session {stat[3]}";
    }

    /// <summary>Time of all live processes; and of those waited for, which their parents count (fields 16 and 17).</summary>
    private static long Ticks(int root) =>
        Reaper.Descendants(root).Append(root).Sum(pid => Proc.Stat($"/proc/{pid}") is { } stat ? stat[11..15].Sum(long.Parse) : 0);
}
