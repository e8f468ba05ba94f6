using System.Globalization;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests;

/// <summary>System V IPC, which is tied to no process: found again where it stands, made again where it does not.</summary>
public sealed class SysvIpcTests : SystemTest
{
    [Fact]
    public void Objects_ThatStillStand_AreUsedAsTheyAre()
    {
        using ProgramUnderTest program = Start("sysvipc");
        program.SaveAndRestoreChanging(Image);
        program.AssertPasses();
    }

    [Fact]
    public void Objects_ThatAreGone_AreMadeAgainWithTheirIds()
    {
        using ProgramUnderTest program = Start("sysvipc");
        Binary.Save(program.Pid, Image);
        program.AssertGone();
        Remove(program.Pid);
        Binary.Restore(Image);
        program.AssertPasses();
    }

    [Fact]
    public void Restore_WhereAnotherHasTheKey_IsRefusedAndNamesIt()
    {
        const int Refused = 3;
        using ProgramUnderTest program = Start("sysvipc");
        Binary.Save(program.Pid, Image);
        string key = Key(program.Pid);
        Remove(program.Pid);
        Tool.Run("python3", "-c", $"import ctypes; ctypes.CDLL(None).msgget({key}, 0o1600)");
        try
        {
            Answer answer = Binary.Run("restore", Image, "--json");
            Assert.True(answer.ExitCode == Refused, answer.ToString());
            Assert.Contains(answer.Blockers, b => b.GetProperty("id").GetString() == "SysvIdInUse");
        }
        finally
        {
            Tool.Run("ipcrm", "-Q", key);
        }
    }

    private static void Remove(int pid)
    {
        foreach (string option in (string[])["-Q", "-S", "-M"])
            Assert.Equal(0, Tool.Run("ipcrm", option, Key(pid)).ExitCode);
    }

    /// <summary>The key that the program chooses.</summary>
    private static string Key(int pid) => (0x50000000 | pid).ToString(CultureInfo.InvariantCulture);
}
