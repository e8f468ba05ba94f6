using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Bundle;

/// <summary>What is asked for and cannot be, and what is left behind then: nothing.</summary>
public sealed class BundleOptionTests : BundleTest
{
    [Fact]
    public void FilesFolder_ThatIsInUse_IsRefusedAndUntouched()
    {
        using ProgramUnderTest program = StartBundled();
        SaveAndRemoveFolder(program);
        Directory.CreateDirectory(Files);
        File.WriteAllText($"{Files}/mine", "mine");
        Answer answer = Binary.Run("restore", Image, "--json", "--files", Files);
        Assert.Equal((Refused, "FilesFolderInUse"), (answer.ExitCode, answer.ErrorId));
        Assert.Equal(["mine"], Names(Files));
        Assert.False(Proc.Exists(program.Pid));
    }

    [Theory]
    [InlineData("nr_inodes=12", "UnpackFailed")]
    [InlineData("size=64k", "DiskSpace")]
    [InlineData("noexec", "FilesFolderNoExec")]
    public void FilesFolder_ThatDoesNotDo_IsEmptyAgain(string how, string id)
    {
        using ProgramUnderTest program = StartBundled();
        SaveAndRemoveFolder(program);
        Directory.CreateDirectory(Files);
        // In a mount namespace of its own; what is left of the files is told before that goes.
        string script = $"mount -t tmpfs -o {how} none '{Files}' && \"$@\"; code=$?; find '{Files}' >'{Folder["left"]}'; exit $code";
        Answer answer = Binary.RunAs(["unshare", "-m", "sh", "-c", script, "sh"], "restore", Image, "--json", "--files", $"{Files}/new");
        Assert.Equal(id, answer.Blockers is [var blocker] ? blocker.GetProperty("id").GetString() : answer.ErrorId);
        Assert.Equal(Files + "\n", File.ReadAllText(Folder["left"]));
        Assert.False(Proc.Exists(program.Pid));
    }

    [Fact]
    public void Excluded_MustBeThere()
    {
        using ProgramUnderTest program = StartBundled();
        Binary.Save(program.Pid, Image, "--bundle", "--exclude", $"{App}/data", "--exclude", $"{App}/link");
        Directory.Move(App, Folder["aside"]);
        Answer answer = Binary.Run("restore", Image, "--json", "--files", Files);
        Assert.Equal(Refused, answer.ExitCode);
        Assert.Contains(answer.Blockers, blocker => blocker.GetProperty("id").GetString() == "FileMissing" && blocker.GetProperty("what").GetString() == $"{App}/data");
        Assert.False(Path.Exists(Files));
        Answer found = Binary.Restore(Image, "--files", Files, "--map", $"{App}/data={Folder["aside"]}/data", "--map", $"{App}/link={Folder["aside"]}/link");
        Assert.Contains(Directory.GetFiles($"/proc/{program.Pid}/fd"), fd => Proc.ReadLink(fd) == $"{Folder["aside"]}/data");
        Assert.DoesNotContain(FilesOf(found).GetProperty("names").EnumerateArray(), name => name.GetProperty("old").GetString() == $"{App}/data");
    }

    [Fact]
    public void IncludedThatIsNotThere_IsABlocker_AndTheTreeRunsOn()
    {
        using ProgramUnderTest program = StartBundled();
        foreach (string path in (string[])[Folder["missing"], "/proc/self"])
        {
            Answer answer = Binary.Run("save", $"{program.Pid}", "-o", Image, "--json", "--bundle", "--include", path);
            Assert.Equal(Refused, answer.ExitCode);
            Assert.Equal("Unbundleable", Assert.Single(answer.Blockers).GetProperty("id").GetString());
        }
        program.AssertPasses();
    }

    [Fact]
    public void Check_TellsFilesAndSizes_AndSoDoInspectAndSave()
    {
        using ProgramUnderTest program = StartBundled();
        Answer check = Binary.Run("check", $"{program.Pid}", "--bundle", "--json");
        Answer save = Binary.Save(program.Pid, Image, "--bundle");
        Answer inspect = Binary.Run("inspect", Image, "--json");
        foreach (Answer answer in (Answer[])[check, save, inspect])
        {
            var files = answer.Final!.Value.GetProperty("bundle").GetProperty("files").EnumerateArray()
                .ToDictionary(f => f.GetProperty("path").GetString()!, f => f.GetProperty("bytes").GetInt64());
            Assert.Equal(300_000, files.Where(f => f.Key == $"{App}/data" || f.Key == $"{App}/link").Sum(f => f.Value));
            Assert.Equal(1L << 30, files[$"{App}/sparse"]);
            Assert.Equal(new FileInfo(Places.Program("bundled")).Length, files[Places.Program("bundled")]);
            Assert.InRange(answer.Final!.Value.GetProperty("bundle").GetProperty("bytes").GetInt64(), 1 << 20, 64 << 20);
        }
        Assert.InRange(new FileInfo(Image).Length, 1 << 20, 64 << 20);
    }

    [Fact]
    public void Export_WritesTheFilesWithoutSetUserIdBits()
    {
        Directory.CreateDirectory(Folder["more"]);
        File.WriteAllText($"{Folder["more"]}/tool", "tool");
        File.SetUnixFileMode($"{Folder["more"]}/tool", (UnixFileMode)0xded); // 06755
        File.CreateSymbolicLink($"{Folder["more"]}/by-link", "tool");
        using ProgramUnderTest program = StartBundled();
        Binary.Save(program.Pid, Image, "--bundle", "--leave-running", "--include", Folder["more"]);
        Answer answer = Binary.Run("export", Image, "--files", Files, "--json");
        Assert.True(answer.ExitCode == 0, answer.ToString());
        Assert.Equal((UnixFileMode)0x1ed, File.GetUnixFileMode($"{Files}{Folder["more"]}/tool"));
        Assert.Equal("tool", new FileInfo($"{Files}{Folder["more"]}/by-link").LinkTarget);
        Assert.Contains("set-user-id", answer.Output, StringComparison.Ordinal);
        Assert.Equal(File.ReadAllBytes(Places.Program("bundled")), File.ReadAllBytes(Files + Places.Program("bundled")));
        Assert.False(Path.Exists(Files + ".json"));
        Answer again = Binary.Run("export", Image, "--files", Files, "--json");
        Assert.Equal("FilesFolderInUse", again.ErrorId);
        program.AssertPasses();
    }

    [Fact]
    public void WithoutABundle_ItsOptionsAreRefused()
    {
        using ProgramUnderTest program = StartBundled();
        Binary.Save(program.Pid, Image);
        Assert.Equal("NoBundle", Binary.Run("export", Image, "--files", Files, "--json").ErrorId);
        foreach (string[] option in (string[][])[["--files", Files], ["--same-names"], ["--reuse-host-files"]])
            Assert.Equal("NoBundle", Binary.Run(["restore", Image, "--json", .. option]).ErrorId);
        Assert.False(Path.Exists(Files));
        Binary.Restore(Image);
        program.AssertPasses();
    }

    [Fact]
    public void Mapped_GoesOnWithTheMovedFolder()
    {
        using ProgramUnderTest program = StartBundled();
        Binary.Save(program.Pid, Image);
        string moved = Folder["moved"];
        Directory.Move(App, moved);
        Assert.Equal(Refused, Binary.Run("restore", Image, "--json").ExitCode);
        Binary.Restore(Image, "--map", $"{App}/={moved}");
        Assert.Equal(moved, Proc.ReadLink($"/proc/{program.Pid}/cwd"));
        program.AssertPasses();
        Assert.Equal("begins. and more", File.ReadAllText($"{moved}/log"));
    }

    [Theory]
    [InlineData("refuse", null)]
    [InlineData("accept", "begins. grown and more")]
    [InlineData("truncate", "begins. and more")]
    public void LogThatGrew_IsTreatedAsAsked(string choice, string? result)
    {
        using ProgramUnderTest program = StartBundled();
        Binary.Save(program.Pid, Image);
        File.AppendAllText($"{App}/log", " grown");
        Answer answer = Binary.Run("restore", Image, "--json", "--file-changed", choice);
        Assert.Matches(@"\b7 bytes.*\b13 bytes", answer.Output);
        if (result is null)
        {
            Assert.Equal(Refused, answer.ExitCode);
            Assert.Equal("begins. grown", File.ReadAllText($"{App}/log"));
            return;
        }
        Assert.True(answer.ExitCode == 0, answer.ToString());
        program.Signal(Native.SIGUSR1);
        program.AwaitExit();
        Assert.Equal(result, File.ReadAllText($"{App}/log"));
    }

    [Fact]
    public void FileThatShrank_IsNotTruncated()
    {
        using ProgramUnderTest program = StartBundled();
        Binary.Save(program.Pid, Image);
        File.WriteAllText($"{App}/log", "beg");
        Assert.Equal(Refused, Binary.Run("restore", Image, "--json", "--file-changed", "truncate").ExitCode);
    }
}
