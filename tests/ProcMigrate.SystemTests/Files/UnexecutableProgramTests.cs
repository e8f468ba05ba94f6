using System.Text.Json;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Files;

/// <summary>Programs whose file may not be executed any more: those that run go on, saved and restored or not.</summary>
public sealed class UnexecutableProgramTests : SystemTest
{
    private const int User = 12345, ExecutionFails = 99;
    private static readonly string[] AsUser = ["setpriv", $"--reuid={User}", $"--regid={User}", "--clear-groups", "--inh-caps=-all"];

    private string Program => Folder["app/server"];

    private string Library => Folder["app/library.so"];

    [Theory]
    [InlineData("0644", true)]
    [InlineData("0600", false)]
    [InlineData("0000", true)]
    public void Program_WithoutItsXBits_GoesOn(string mode, bool beforeTheSave)
    {
        Install();
        using ProgramUnderTest program = Start(Program, Library, $"{ExecutionFails}");
        if (beforeTheSave)
            Chmod(mode);
        Answer check = Binary.Run("check", $"{program.Pid}", "--json");
        Answer saved = Binary.Save(program.Pid, Image);
        program.AssertGone();
        Chmod(mode);
        Answer restored = Binary.Restore(Image);
        Assert.Equal(beforeTheSave, Warns(saved, "may not be executed any more"));
        Assert.Equal(beforeTheSave, Warns(check, "may not be executed any more"));
        Assert.True(Warns(restored, "is executed from a copy without a name"), $"{restored}");
        Assert.Equal(mode, "0" + Convert.ToString((int)new FileInfo(Program).UnixFileMode, 8).PadLeft(3, '0'));
        // A second save finds a file without a name and without x bits.
        Binary.Save(program.Pid, Folder["second.pmi"]);
        Binary.Restore(Folder["second.pmi"]);
        program.AssertPasses();
        Assert.Equal(["library.so", "server"], [.. Directory.GetFiles(Folder["app"]).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Program_AndLibraryOnAFileSystemThatBecameNoExec_GoOn(bool beforeTheSave)
    {
        using PrivateSystem system = PrivateSystem.Over(Folder);
        system.Do("mkdir", Folder["app"]);
        system.Do("mount", "-t", "tmpfs", "none", Folder["app"]);
        system.Do("cp", Places.Program("upgraded"), Program);
        system.Do("cp", Places.Program("upgraded.so"), Library);
        using ProgramUnderTest program = ProgramUnderTest.StartBehind(system.Inside, Folder, Program, Library, "1");
        if (beforeTheSave)
            system.Do("mount", "-o", "remount,noexec", Folder["app"]);
        Answer saved = Binary.RunAs(system.Inside, "save", $"{program.Pid}", "-o", Image, "--json");
        Assert.True(saved.ExitCode == 0, $"{saved}");
        Assert.Equal(beforeTheSave, Warns(saved, "noexec"));
        system.Do("mount", "-o", "remount,noexec", Folder["app"]);
        Answer restored = Binary.RunAs(system.Inside, "restore", Image, "--json");
        Assert.True(restored.ExitCode == 0, $"{restored}");
        Assert.True(Warns(restored, $"{Program} is executed from a copy without a name"), $"{restored}");
        Assert.True(Warns(restored, $"{Library} is executed from a copy without a name"), $"{restored}");
        program.AssertPasses();
    }

    /// <summary>What he may read he may copy; what he may not even read is told before anything is made.</summary>
    [Fact]
    public void ProgramOfAUser_WithoutItsXBits_GoesOn_AndIsRefusedWhereHeMayNotReadIt()
    {
        Install();
        Assert.Equal(0, Native.ChangeOwner(Folder.Path, User, User));
        Assert.SkipUnless(Binary.RunAs([.. AsUser, "test", "-x"]).ExitCode == 0, "another user cannot reach the binary");
        foreach (string path in (string[])[Folder["app"], Program, Library])
            Assert.Equal(0, Native.ChangeOwner(path, User, User));
        using ProgramUnderTest program = ProgramUnderTest.StartBehind(AsUser, Folder, Program, Library, $"{ExecutionFails}");
        Assert.Equal(0, Binary.RunAs(AsUser, "save", $"{program.Pid}", "-o", Image, "--json").ExitCode);
        Chmod("0000");
        Answer refused = Binary.RunAs(AsUser, "restore", Image, "--pid-namespace", "--json");
        Assert.True(refused.ExitCode == 3, $"{refused}");
        JsonElement blocker = Assert.Single(refused.Blockers);
        Assert.Equal(("FileForbidden", Program), (blocker.GetProperty("id").GetString()!, blocker.GetProperty("what").GetString()!));
        Chmod("0600");
        Answer restored = Binary.RunAs(AsUser, "restore", Image, "--pid-namespace", "--json");
        Assert.True(restored.ExitCode == 0, $"{restored}");
        using TreeInNamespace tree = TreeInNamespace.Of(restored);
        Assert.Equal(0, Native.Kill(tree.Pid, Native.SIGUSR1));
        Wait.Until(() => program.Lines[^1] != "READY", () => "no verdict");
        Assert.Equal("PASS", program.Lines[^1]);
    }

    private void Install()
    {
        Directory.CreateDirectory(Folder["app"]);
        File.Copy(Places.Program("upgraded"), Program);
        File.Copy(Places.Program("upgraded.so"), Library);
    }

    private void Chmod(string mode) => Assert.Equal(0, Tool.Run("chmod", mode, Program).ExitCode);

    private static bool Warns(Answer answer, string text) =>
        answer.Final!.Value.TryGetProperty("warnings", out JsonElement warnings)
        && warnings.EnumerateArray().Any(warning => warning.GetString()!.Contains(text, StringComparison.Ordinal));
}
