using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Processes;

/// <summary>PR_SET_PDEATHSIG: meant for a parent in the tree it is kept, for one outside it would kill what was just restored.</summary>
public sealed class ParentDeathSignalTests : SystemTest
{
    [Fact]
    public void DeathSignal_OfTheRoot_IsLeftOutWithAWarning_OfItsChildKept()
    {
        using ProgramUnderTest program = Start("deathsignal");
        Reaper.WatchDescendants(program.Pid);
        Binary.Save(program.Pid, Image);
        program.AssertGone();
        Answer restored = Binary.Restore(Image);
        Assert.Contains("PR_SET_PDEATHSIG", restored.Output, StringComparison.Ordinal);
        program.Signal(Native.SIGUSR1);
        Wait.Until(() => program.Lines[^1] != "READY", () => $"no verdict: {string.Join(" | ", program.Lines)}");
        Assert.Equal("PASS", program.Lines[^1]);
    }
}
