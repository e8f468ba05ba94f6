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
        using ProgramUnderTest program = Start("relative", "stops");
        Binary.Save(program.Pid, Folder["first.pmi"], "--leave-running");
        program.SaveAndRestoreChanging(Image);
        program.AssertPasses();
        Report(program);
    }

    /// <summary>Calls that keep no deadline begin anew, which is told.</summary>
    [Fact]
    public void WaitsThatCannotGoOn_BeginAnew_WithAWarning()
    {
        using ProgramUnderTest program = Start("relative", "again");
        Answer saved = Binary.Save(program.Pid, Image);
        program.AssertGone();
        Assert.All((string[])["epoll_wait", "semtimedop", "rt_sigtimedwait", "io_getevents"], call => Assert.Contains($" s in {call}, and waits its full 3 s", saved.Output, StringComparison.Ordinal));
        Binary.Restore(Image);
        program.AssertPasses();
    }

    private static void Report(ProgramUnderTest program) => TestContext.Current.TestOutputHelper?.WriteLine(program.Log);
}
