using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Endings;

/// <summary>Tests with the four processes of tests/programs/family.c.</summary>
public abstract class FamilyTest : SystemTest
{
    private protected static int[] Pids(ProgramUnderTest family) =>
        [.. family.Lines.Single(line => line.StartsWith("FAMILY", StringComparison.Ordinal)).Split(' ').Skip(1).Select(int.Parse)];

    /// <summary>How many of the tree live, when that has come to rest: none, or all, or this test fails in time.</summary>
    private protected static int Living(int[] pids)
    {
        int living = 0;
        for (int look = 0; look < 100 && (living = pids.Count(pid => Proc.IsAlive(pid) && !Proc.IsDying(pid))) is not 0; look++)
        {
            // All there, and none held by what is left of the restore: it has been let go.
            if (living == pids.Length && pids.All(IsLetGo))
                return living;
            Thread.Sleep(10);
        }
        return living;
    }

    /// <summary>As <see cref="ProgramUnderTest.AssertPasses"/>, for one that has been there before: of several ends under one pid only the verdict tells them apart.</summary>
    private protected static void Pass(ProgramUnderTest family)
    {
        int[] pids = Pids(family);
        int lines = family.Lines.Length;
        family.Signal(Native.SIGUSR1);
        Wait.Until(() => family.Lines.Length > lines || !family.IsAlive, () => "no verdict");
        Assert.Equal("PASS", family.Lines[^1]);
        Wait.Until(() => !pids.Any(Proc.Exists), () => "the family does not end");
    }

    private static bool IsLetGo(int pid) =>
        (Proc.ReadText($"/proc/{pid}/status") ?? "").Contains("TracerPid:\t0\n", StringComparison.Ordinal) && Proc.Stat($"/proc/{pid}") is ["S" or "R" or "D", ..];
}
