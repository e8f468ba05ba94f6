using System.Text.Json;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Files;

/// <summary>Files on file systems that do not answer, or that no path leads to any more: told, and nothing hangs.</summary>
public sealed class FileSystemTests : SystemTest
{
    private const int Refused = 3;

    [Theory]
    [InlineData("check")]
    [InlineData("save")]
    public void Tree_WithTheServerOfItsOwnFiles_IsRefused_AndRunsOn(string verb)
    {
        using PrivateSystem system = PrivateSystem.Over(Folder);
        Directory.CreateDirectory(Folder["mnt"]);
        using ProgramUnderTest tree = ProgramUnderTest.StartBehind(system.Inside, Folder, "fuse", Folder["mnt"], "both");
        string[] image = verb == "save" ? ["-o", Image] : [];
        Answer refused = Binary.RunAs(system.Inside, [verb, $"{tree.Pid}", "--json", .. image]);
        Assert.True(refused.ExitCode == Refused, $"{refused}");
        Assert.All(refused.Blockers, blocker => Assert.Equal("Fuse", Id(blocker)));
        Assert.Contains(refused.Blockers, blocker => What(blocker) == Folder["mnt"]);
        Assert.Contains(refused.Blockers, blocker => What(blocker) == "/dev/fuse");
        tree.AssertPasses();
        system.Do("umount", "-l", Folder["mnt"]);
    }

    [Fact]
    public void Program_OnAFileSystemWhoseServerIsDead_IsToldSo_AndRunsOn()
    {
        using PrivateSystem system = PrivateSystem.Over(Folder);
        Directory.CreateDirectory(Folder["mnt"]);
        using var other = new TempFolder();
        using ProgramUnderTest server = ProgramUnderTest.StartBehind(system.Inside, other, "fuse", Folder["mnt"], "serve");
        using ProgramUnderTest program = ProgramUnderTest.StartBehind(system.Inside, Folder, "fuse", Folder["mnt"], "use");
        server.Signal(Native.SIGKILL);
        server.AwaitExit();
        foreach (string[] line in (string[][])[["check", $"{program.Pid}", "--json"], ["save", $"{program.Pid}", "-o", Image, "--json"]])
        {
            Answer refused = Binary.RunAs(system.Inside, line);
            Assert.True(refused.ExitCode == Refused, $"{refused}");
            Assert.Equal(["DeadFileSystem", "DeadFileSystem"], [.. refused.Blockers.Select(Id)]);
            Assert.Equal([Folder["mnt"], Folder["mnt/file"]], [.. refused.Blockers.Select(What).Order(StringComparer.Ordinal)]);
        }
        program.AssertRuns();
        Assert.False(File.Exists(Image));
    }

    /// <summary>A file system that is mounted twice is left at one place: the file has its other path.</summary>
    [Fact]
    public void File_OnAFileSystemThatWasUnmountedLazily_IsFoundWhereElseThatIs_OrToldRightly()
    {
        const string python = "/usr/bin/python3";
        Assert.SkipUnless(File.Exists(python), "python3 is not installed");
        using PrivateSystem system = PrivateSystem.Over(Folder);
        Directory.CreateDirectory(Folder["a"]);
        Directory.CreateDirectory(Folder["b"]);
        system.Do("mount", "-t", "tmpfs", "none", Folder["a"]);
        system.Do("mount", "--bind", Folder["a"], Folder["b"]);
        File.WriteAllText(Folder["program"], """
            import signal, sys
            file = open(sys.argv[1], 'w+')
            print('kept', file=file, flush=True)
            signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
            print('READY', file=open(sys.argv[2], 'w', buffering=1))
            signal.sigwait([signal.SIGUSR1])
            file.seek(0)
            print('PASS' if file.read() == 'kept\n' else 'FAIL', file=open(sys.argv[2], 'a'))
            """);
        using ProgramUnderTest program = ProgramUnderTest.StartCommand(Folder, [.. system.Inside, python, Folder["program"], Folder["a/file"], Folder["out"]]);
        Wait.Until(() => program.Lines is ["READY"] || !program.IsAlive, () => program.Log);
        system.Do("umount", "-l", Folder["a"]);
        Answer saved = Binary.RunAs(system.Inside, "save", $"{program.Pid}", "-o", Image, "--json");
        Assert.True(saved.ExitCode == 0, $"{saved}");
        Answer restored = Binary.RunAs(system.Inside, "restore", Image, "--json");
        Assert.True(restored.ExitCode == 0, $"{restored}");
        Assert.Contains(Folder["b/file"], Directory.GetFiles($"/proc/{program.Pid}/fd").Select(Proc.ReadLink));
        system.Do("umount", "-l", Folder["b"]);
        Answer refused = Binary.RunAs(system.Inside, "save", $"{program.Pid}", "-o", Folder["second.pmi"], "--json");
        Assert.True(refused.ExitCode == Refused, $"{refused}");
        JsonElement blocker = Assert.Single(refused.Blockers);
        Assert.Equal("UnreachableFile", Id(blocker));
        Assert.Contains("unmounted", blocker.GetProperty("why").GetString(), StringComparison.Ordinal);
        program.AssertPasses();
    }

    private static string Id(JsonElement blocker) => blocker.GetProperty("id").GetString()!;

    private static string What(JsonElement blocker) => blocker.GetProperty("what").GetString()!;
}
