using System.Text.Json;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Files;

/// <summary>Deleted files come back also where their folder takes no files any more; what needs that folder is refused before anything is made.</summary>
public sealed class DeletedFilePlaceTests : SystemTest
{
    private const int User = 12345;
    private static readonly string[] AsUser = ["setpriv", $"--reuid={User}", $"--regid={User}", "--clear-groups", "--inh-caps=-all"];

    private string App => Folder["app"];

    [Fact]
    public void Program_WhoseFolderIsAFileNow_IsMadeElsewhere()
    {
        using ProgramUnderTest program = StartAndDelete([]);
        Directory.Delete(App);
        Binary.Save(program.Pid, Image);
        File.WriteAllText(App, "a file");
        Answer restored = Binary.Restore(Image);
        AssertElsewhere(restored, $"{App} is no folder here");
        program.AssertPasses();
        Assert.Equal("a file", File.ReadAllText(App));
    }

    [Fact]
    public void Program_WhoseFolderIsImmutable_IsMadeElsewhere()
    {
        using ProgramUnderTest program = StartAndDelete([]);
        Binary.Save(program.Pid, Image);
        Assert.SkipUnless(Tool.Run("chattr", "+i", App).ExitCode == 0, "this file system has no immutable folders");
        try
        {
            AssertElsewhere(Binary.Restore(Image), $"{App} is immutable or append-only");
            program.AssertPasses();
        }
        finally
        {
            Assert.Equal(0, Tool.Run("chattr", "-i", App).ExitCode);
        }
        Assert.Empty(Directory.GetFileSystemEntries(App));
    }

    [Fact]
    public void Program_OnADiskThatIsFull_IsMadeElsewhere()
    {
        using PrivateSystem system = PrivateSystem.Over(Folder);
        Directory.CreateDirectory(App);
        system.Do("mount", "-t", "tmpfs", "-o", "size=1m", "none", App);
        using ProgramUnderTest program = StartAndDelete(system.Inside);
        Answer saved = Binary.RunAs(system.Inside, "save", $"{program.Pid}", "-o", Image, "--json");
        Assert.True(saved.ExitCode == 0, $"{saved}");
        system.Do("sh", "-c", $"cat /dev/zero > {App}/full; test -s {App}/full");
        Answer restored = Binary.RunAs(system.Inside, "restore", Image, "--json");
        Assert.True(restored.ExitCode == 0, $"{restored}");
        AssertElsewhere(restored, $"of the file system of {App} 0 bytes are free");
        program.AssertPasses();
    }

    /// <summary>What was made with O_TMPFILE may be about to get a name there; and the remedy helps.</summary>
    [Fact]
    public void TemporaryFile_InAnImmutableFolder_IsRefused_UntilItIsNone()
    {
        using ProgramUnderTest program = Start("deleted");
        Binary.Save(program.Pid, Image);
        Assert.SkipUnless(Tool.Run("chattr", "+i", Folder.Path).ExitCode == 0, "this file system has no immutable folders");
        try
        {
            foreach (string verb in (string[])["check", "restore"])
            {
                Answer refused = Binary.Run(verb, Image, "--json");
                Assert.True(refused.ExitCode == 3, $"{refused}");
                JsonElement blocker = Assert.Single(refused.Blockers, b => b.GetProperty("id").GetString() == "DeletedFile");
                Assert.Contains("chattr -i", blocker.GetProperty("why").GetString(), StringComparison.Ordinal);
            }
        }
        finally
        {
            Assert.Equal(0, Tool.Run("chattr", "-i", Folder.Path).ExitCode);
        }
        Binary.Restore(Image);
        program.AssertPasses();
    }

    /// <summary>A user's program that root has upgraded lay where he may not write.</summary>
    [Fact]
    public void Program_OfAUser_InAFolderOfRoots_IsMadeElsewhere()
    {
        Assert.Equal(0, Native.ChangeOwner(Folder.Path, User, User));
        Assert.SkipUnless(Binary.RunAs([.. AsUser, "test", "-x"]).ExitCode == 0, "another user cannot reach the binary");
        using ProgramUnderTest program = StartAndDelete(AsUser);
        Binary.Save(program.Pid, Image);
        Assert.Equal(0, Native.ChangeOwner(Image, User, User));
        Answer restored = Binary.RunAs(AsUser, "restore", Image, "--pid-namespace", "--json");
        Assert.True(restored.ExitCode == 0, $"{restored}");
        AssertElsewhere(restored, "none can be made in");
        using TreeInNamespace tree = TreeInNamespace.Of(restored);
        Assert.Equal(0, Native.Kill(tree.Pid, Native.SIGUSR1));
        Wait.Until(() => program.Lines[^1] != "READY", () => "no verdict");
        // Only its owner is another: nobody may give files away.
        Assert.Equal("FAIL: owner or time of", program.Lines[^1][..22]);
        Assert.DoesNotContain(" version", program.Lines[^1], StringComparison.Ordinal);
        Assert.DoesNotContain(" at ", program.Lines[^1], StringComparison.Ordinal);
    }

    private ProgramUnderTest StartAndDelete(string[] prefix)
    {
        Directory.CreateDirectory(App);
        string[] copy = prefix is ["nsenter", ..] ? [.. prefix, "cp"] : ["cp"];
        string program = Path.Combine(App, "server"), library = Path.Combine(App, "library.so");
        Assert.Equal(0, Tool.Run(copy[0], [.. copy[1..], Places.Program("upgraded"), program]).ExitCode);
        Assert.Equal(0, Tool.Run(copy[0], [.. copy[1..], Places.Program("upgraded.so"), library]).ExitCode);
        ProgramUnderTest started = ProgramUnderTest.StartBehind(prefix, Folder, program, library);
        copy[^1] = "rm";
        Assert.Equal(0, Tool.Run(copy[0], [.. copy[1..], program, library]).ExitCode);
        return started;
    }

    private static void AssertElsewhere(Answer restored, string why)
    {
        string[] warnings = [.. restored.Final!.Value.GetProperty("warnings").EnumerateArray().Select(warning => warning.GetString()!)];
        Assert.Equal(2, warnings.Count(warning => warning.Contains("is made anew in /", StringComparison.Ordinal) && warning.Contains(why, StringComparison.Ordinal)));
    }
}
