using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Processes;

/// <summary>Memory that is locked, though not all of it can be there: the program compares what smaps says before and after.</summary>
public sealed class LockedMemoryTests : SystemTest
{
    [Theory]
    [InlineData("parts")]
    [InlineData("all")]
    public void LockedMemory_ThatCannotBeBroughtInAsAWhole_IsLockedAgain(string which)
    {
        using ProgramUnderTest program = Start("locked", which);
        program.SaveAndRestoreChanging(Image);
        program.AssertPasses();
    }

    [Fact]
    public void LockedMemory_MoreThanMayBeLockedHere_IsRefusedBeforeAnythingIsStarted()
    {
        using ProgramUnderTest program = Start("locked", "parts");
        Binary.Save(program.Pid, Image);
        string[] limited = ["prlimit", "--memlock=65536:65536", "setpriv", "--bounding-set", "-ipc_lock", "--inh-caps", "-ipc_lock"];
        Answer refused = Binary.RunAs(limited, "restore", Image, "--json");
        Assert.Equal(3, refused.ExitCode);
        Assert.Contains("\"LockLimit\"", refused.Output, StringComparison.Ordinal);
        Binary.Restore(Image);
        program.AssertPasses();
    }
}
