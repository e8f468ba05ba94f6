using System.Text.Json;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Processes;

/// <summary>The restore's own limit of open files, which is not the program's.</summary>
public sealed class ManyDescriptorsTests : SystemTest
{
    /// <summary>Four processes with 600 descriptors and more each, by a restore that may have 900.</summary>
    [Fact]
    public void TreeWithMoreFilesThanOurTableHolds_IsRestored()
    {
        using ProgramUnderTest program = StartManyOpen(600);
        Binary.Save(program.Pid, Image);
        program.AssertGone();
        Answer restored = Binary.RunAs(["/usr/bin/prlimit", "--nofile=900:900"], "restore", Image, "--json");
        Assert.True(restored.ExitCode == 0, $"{restored}");
        AssertPasses(program);
    }

    [Theory]
    [InlineData("150:150", "is 150 here")]
    [InlineData("64:64", "is 64 here")]
    [InlineData("16:16", "16")]
    [InlineData("8:8", "8")]
    public void LimitThatIsTooLow_IsNamedBeforeAnythingIsMade(string limit, string named)
    {
        using ProgramUnderTest program = StartManyOpen(100);
        Binary.Save(program.Pid, Image);
        Answer refused = Binary.RunAs(["/usr/bin/prlimit", $"--nofile={limit}"], "restore", Image, "--json");
        Assert.NotEqual(0, refused.ExitCode);
        string text = refused.Blockers is [{ } blocker, ..] ? blocker.GetProperty("what").GetString()! : refused.Message;
        Assert.Contains(named, text, StringComparison.Ordinal);
        Assert.Contains("limit of open files", text, StringComparison.Ordinal);
        Assert.False(Proc.Exists(program.Pid));
    }

    /// <summary>The save is allowed what a restore here would not be.</summary>
    [Fact]
    public void DescriptorAboveTheHardLimitHere_IsToldAtTheSave()
    {
        using ProgramUnderTest program = StartManyOpen(600);
        Answer saved = Binary.RunAs(["/usr/bin/prlimit", "--nofile=300:300"], "save", $"{program.Pid}", "-o", Image, "--json");
        Assert.True(saved.ExitCode == 0, $"{saved}");
        JsonElement warning = Assert.Single(saved.Final!.Value.GetProperty("warnings").EnumerateArray());
        Assert.Contains("hard limit of open files", warning.GetString(), StringComparison.Ordinal);
        Binary.Restore(Image);
        AssertPasses(program);
    }

    /// <summary>Its highest number is the last that the limit allows: there is no number above it for us.</summary>
    [Fact]
    public void DescriptorAtTheVeryLimit_ComesBack()
    {
        using ProgramUnderTest program = ProgramUnderTest.StartCommand(
            Folder, "/usr/bin/python3", "-c", "import fcntl,time\nf=open('held','w+')\nf.write('x'*7);f.flush()\nfcntl.fcntl(f,fcntl.F_DUPFD,399)\nopen('ready','w').close()\ntime.sleep(500)");
        Wait.Until(() => File.Exists(Folder["ready"]), () => "not ready: " + program.Log);
        string[] limited = ["/usr/bin/prlimit", "--nofile=400:400"];
        Answer saved = Binary.RunAs(limited, "save", $"{program.Pid}", "-o", Image, "--json");
        Assert.True(saved.ExitCode == 0, $"{saved}");
        Answer restored = Binary.RunAs(limited, "restore", Image, "--json");
        Assert.True(restored.ExitCode == 0, $"{restored}");
        Assert.StartsWith("pos:\t7\n", Proc.ReadText($"/proc/{program.Pid}/fdinfo/399"), StringComparison.Ordinal);
    }

    private ProgramUnderTest StartManyOpen(int count)
    {
        string files = Folder["files"];
        Directory.CreateDirectory(files);
        ProgramUnderTest program = ProgramUnderTest.StartCommand(
            Folder, "/usr/bin/python3", Path.Combine(Places.Root, "tests/programs/manyopen.py"), Folder["out"], files, $"{count}");
        Wait.Until(() => program.Lines is [.., "READY"] || !program.IsAlive, () => "it does not get ready: " + program.Log);
        Assert.True(program.IsAlive, program.Log);
        return program;
    }

    private static void AssertPasses(ProgramUnderTest program)
    {
        program.Signal(Native.SIGUSR1);
        Wait.Until(() => program.Lines[^1] != "READY" || !program.IsAlive, () => "no verdict");
        Assert.Equal("PASS", program.Lines[^1]);
    }
}
