using System.Globalization;
using ProcMigrate.SystemTests.Bundle;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Files;

/// <summary>The files that a bundle was unpacked into belong to the tree that runs with them, whatever becomes of the table beside them.</summary>
public sealed class UnpackedFilesInUseTests : BundleTest
{
    private string[] WithState => ["env", $"XDG_STATE_HOME={Folder["state"]}"];

    [Fact]
    public void SecondRestore_WithoutTheTableOfTheFirst_LeavesItsFilesAlone()
    {
        using ProgramUnderTest program = StartBundled();
        SaveAndRemoveFolder(program);
        Answer first = Restore(WithState);
        string files = FilesOf(first).GetProperty("folder").GetString()!;
        File.Delete(files + ".json");
        string[] before = Names(files);
        Answer second = Restore([.. WithState], "--pid-namespace");
        using (TreeInNamespace tree = TreeInNamespace.Of(second))
        {
            Assert.NotEqual(files, FilesOf(second).GetProperty("folder").GetString());
            Assert.Equal(before, Names(files));
        }
        program.AssertPasses();
    }

    /// <summary>Killed at any moment before its tree ran, it leaves a folder with a mark beside it, which the next one clears away.</summary>
    [Fact]
    public void Restore_AfterOneThatWasKilled_TakesItsPlace()
    {
        using ProgramUnderTest program = StartBundled();
        SaveAndRemoveFolder(program);
        string files = FilesOf(Restore(WithState)).GetProperty("folder").GetString()!;
        Assert.Equal(["files", "files.json"], Directory.GetFileSystemEntries(Path.GetDirectoryName(files)!).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal));
        Assert.Equal(0, Native.Kill(program.Pid, Native.SIGKILL));
        program.AwaitExit();
        File.WriteAllText(files + ".unpacking", "");
        File.WriteAllText(Path.Combine(files, "left over"), "");
        Assert.Equal(files, FilesOf(Restore(WithState)).GetProperty("folder").GetString());
        Assert.False(File.Exists(Path.Combine(files, "left over")));
        program.AssertPasses();
    }

    /// <summary>Without its table the folder would be the next restore's: then the tree does not run at all. Inodes are the disk that is full.</summary>
    [Fact]
    public void Restore_ThatCannotWriteTheTable_IsUndone()
    {
        using PrivateSystem system = PrivateSystem.Over(Folder);
        using ProgramUnderTest program = ProgramUnderTest.StartBehind(system.Inside, Folder, "bundled", App);
        Answer saved = Binary.RunAs(system.Inside, "save", $"{program.Pid}", "-o", Image, "--bundle", "--json");
        Assert.True(saved.ExitCode == 0, $"{saved}");
        Directory.Delete(App, recursive: true);
        string files = Folder["state/files"];
        MountState(system, "");
        Answer restored = Binary.RunAs(system.Inside, "restore", Image, "--files", files, "--json");
        Assert.True(restored.ExitCode == 0, $"{restored}");
        int used = int.Parse(system.Run("df", "--output=iused", Folder["state"]).Output.Split('\n')[1], CultureInfo.InvariantCulture);
        Assert.Equal(0, Native.Kill(program.Pid, Native.SIGKILL));
        program.AwaitExit();
        system.Do("umount", "-l", Folder["state"]);
        MountState(system, $"-onr_inodes={used - 1}");
        Answer failed = Binary.RunAs(system.Inside, "restore", Image, "--files", files, "--json");
        Assert.Equal((1, "UnpackFailed"), (failed.ExitCode, failed.ErrorId));
        Assert.Contains("table of names", failed.Message, StringComparison.Ordinal);
        Wait.Until(() => !Proc.Exists(program.Pid), () => "something of the tree is left");
        Assert.Equal("", system.Run("ls", "-A", Folder["state"]).Output);
    }

    private void MountState(PrivateSystem system, string option)
    {
        Directory.CreateDirectory(Folder["state"]);
        system.Do(["mount", "-t", "tmpfs", .. option.Length > 0 ? [option] : Array.Empty<string>(), "none", Folder["state"]]);
    }

    private Answer Restore(string[] prefix, params string[] more)
    {
        Answer answer = Binary.RunAs(prefix, ["restore", Image, "--json", .. more]);
        Assert.True(answer.ExitCode == 0, $"{answer}");
        return answer;
    }
}
