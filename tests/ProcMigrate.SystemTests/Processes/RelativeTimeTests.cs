using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Processes;

/// <summary>Waits with a relative time go on with what was left of it; the program compares them with one whose rest the kernel writes out.</summary>
public sealed class RelativeTimeTests : SystemTest
{
    [Fact]
    public void RelativeWaits_SavedWhenPartOfTheirTimeIsOver_GoOnWithTheRest()
    {
        using ProgramUnderTest program = Start("relative");
        program.SaveAndRestoreChanging(Image);
        program.AssertPasses();
        Report(program);
    }

    /// <summary>Stopped once and gone on, as by a save that leaves it running, each of them is hidden behind restart_syscall(2).</summary>
    [Fact]
    public void RelativeWaits_SavedTheSecondTime_GoOnWithTheRest()
    {
        using ProgramUnderTest program = Start("relative");
        Binary.Save(program.Pid, Folder["first.pmi"], "--leave-running");
        program.SaveAndRestoreChanging(Image);
        program.AssertPasses();
        Report(program);
    }

    private static void Report(ProgramUnderTest program) => TestContext.Current.TestOutputHelper?.WriteLine(program.Log);
}
