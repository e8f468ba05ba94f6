using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Security;

/// <summary>A program says itself what it is called: neither does that open files to it, nor does it reach a terminal or a tool's options.</summary>
public sealed class NamesOfProgramsTests : SystemTest
{
    [Theory]
    [InlineData(0x180, 0x1ed, false)] // 0600: root's alone
    [InlineData(0x1a4, 0x1c0, false)] // 0644 in a folder that is root's alone
    [InlineData(0x1a4, 0x1ed, true)] // 0644: anybody's to read
    public void FileThatTheProgramCallsItself_IsOnlyBundledIfItMayReadIt(int mode, int above, bool bundled)
    {
        File.SetUnixFileMode(Folder.Path, (UnixFileMode)0x1ff); // 0777
        string secret = Folder["above/secret"];
        Directory.CreateDirectory(Folder["above"]);
        File.WriteAllText(secret, "SECRET");
        File.SetUnixFileMode(secret, (UnixFileMode)mode);
        File.SetUnixFileMode(Folder["above"], (UnixFileMode)above);
        using ProgramUnderTest program = Start([.. Trap.AsUser, "bash", "-c", "exec -a \"$0\" \"$@\"", secret]);
        Binary.Save(program.Pid, Image, "--bundle");
        Answer answer = Binary.Run("export", "--files", Folder["exported"], Image, "--json");
        Assert.True(answer.ExitCode == 0, answer.ToString());
        Assert.True(File.Exists(Folder["exported"] + Places.Program("threadstate")), "what it executes is not in the bundle");
        Assert.Equal(bundled, File.Exists(Folder["exported"] + secret));
        Binary.Restore(Image, "--files", Folder["files"]);
        program.AssertPasses();
    }

    [Theory]
    [InlineData("-\e]0;x\ay", "__]0;x_y")]
    [InlineData("..hidden", "_.hidden")]
    [InlineData("a\u009bb\u202ec", "a_b_c")]
    public void DefaultNameOfAnImage_HasNothingThatATerminalOrAToolObeys(string called, string expected)
    {
        using ProgramUnderTest program = Start(["sh", "-c", "cp \"$1\" \"$0\"; exec \"$0\" \"$2\"", Folder[called]]);
        Answer answer = Binary.RunAs(["env", "-C", Folder.Path], "save", $"{program.Pid}", "--json");
        Assert.True(answer.ExitCode == 0, answer.ToString());
        string image = Assert.Single(Folder.Names, name => name.EndsWith(".pmi", StringComparison.Ordinal));
        Assert.StartsWith($"{expected}-{program.Pid}-", image, StringComparison.Ordinal);
        Binary.Restore(Folder[image]);
        program.AssertPasses();
    }

    private ProgramUnderTest Start(string[] prefix)
    {
        ProgramUnderTest program = ProgramUnderTest.StartCommand(Folder, [.. prefix, Places.Program("threadstate"), Folder["out"]]);
        Wait.Until(() => program.Lines is [.., "READY"] && program.Waits, () => "it does not get ready: " + program.Log);
        return program;
    }
}
