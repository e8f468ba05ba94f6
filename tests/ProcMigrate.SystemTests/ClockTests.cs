using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests;

/// <summary>
/// Machines that have been up for another time, played by one: a time namespace shifts what this machine's clocks say to the restore, and
/// another boot id tells it that they are another's.
/// </summary>
public sealed class ClockTests : SystemTest
{
    /// <summary>The same machine since the same boot: its clocks have gone on by themselves, whatever namespace the command lives in.</summary>
    [Fact]
    public void Program_RestoredFromAShiftedNamespace_KeepsItsClocks()
    {
        using ProgramUnderTest program = Start("clocks");
        Binary.Save(program.Pid, Image);
        Restore(Image, "864000", "172800", otherBoot: false);
        program.AssertPasses();
    }

    [Theory]
    [InlineData("864000", "1728000")]
    [InlineData("5", "864000")]
    public void Program_OnAMachineOfAnotherUptime_GoesOnWithItsTime(string monotonic, string boottime)
    {
        using ProgramUnderTest program = Start("clocks");
        Binary.Save(program.Pid, Image);
        Restore(Image, monotonic, boottime, otherBoot: true);
        program.AssertPasses();
    }

    /// <summary>Offsets add up: from one machine to the next, and back to where it began.</summary>
    [Fact]
    public void Program_MovedThreeTimes_GoesOnWithItsTime()
    {
        using ProgramUnderTest program = Start("clocks");
        Binary.Save(program.Pid, Folder["1.pmi"]);
        Restore(Folder["1.pmi"], "864000", "172800", otherBoot: true);
        Binary.Save(program.Pid, Folder["2.pmi"]);
        Restore(Folder["2.pmi"], "7", "3600", otherBoot: true);
        Binary.Save(program.Pid, Folder["3.pmi"]);
        Binary.Restore(Folder["3.pmi"]);
        program.AssertPasses();
    }

    [Fact]
    public void Restore_WithoutTheRightToATimeNamespace_SaysSo_AndForceLetsTheClocksJump()
    {
        string[] weak = ["setpriv", "--bounding-set", "-sys_time", "--inh-caps", "-sys_time", "--"];
        // Without that right itself, or it could not be given it back.
        using ProgramUnderTest program = ProgramUnderTest.StartCommand(Folder, [.. weak, Places.Program("steady"), Folder["out"]]);
        Wait.Until(() => program.Lines is [.., "READY"], () => $"not ready: {program.Log}");
        Binary.Save(program.Pid, Image);
        Answer refused = Binary.RunAs([.. OtherMachine.Shifted(Folder, "864000", "864000", otherBoot: true), .. weak], "restore", Image, "--json");
        Assert.True(refused.ExitCode == 3, $"{refused}");
        Assert.Contains("ClocksJump", $"{refused}", StringComparison.Ordinal);
        Answer forced = Binary.RunAs([.. OtherMachine.Shifted(Folder, "864000", "864000", otherBoot: true), .. weak], "restore", Image, "--json", "--force");
        Assert.True(forced.ExitCode == 0, $"{forced}");
        Assert.Contains("jumps", $"{forced}", StringComparison.Ordinal);
        program.AssertPasses();
    }

    private void Restore(string image, string monotonic, string boottime, bool otherBoot)
    {
        Answer answer = Binary.RunAs(OtherMachine.Shifted(Folder, monotonic, boottime, otherBoot), "restore", image, "--json");
        Assert.True(answer.ExitCode == 0, $"restore: {answer}");
    }
}
