using System.Diagnostics;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests;

/// <summary>Saves that cannot be: each says what, where and why, by its exit code too, harms nobody and leaves nothing.</summary>
public sealed class BadInputTests : SystemTest
{
    private const int Failed = 1, Usage = 2, Refused = 3, PrivilegeMissing = 6;

    [Fact]
    public void Save_OfNoSuchPid_SaysSo()
    {
        int free = int.Parse(Proc.ReadText("/proc/sys/kernel/pid_max")!) - 1;
        while (Proc.Exists(free))
            free--;
        AssertFails(Save(free), Failed, $"{free}");
    }

    [Fact]
    public void Save_OfAKernelThread_SaysWhatItIs()
    {
        Assert.SkipUnless(Proc.ReadText("/proc/2/comm") == "kthreadd\n", "no kernel thread is seen from here");
        AssertFails(Save(2), null, "kernel");
    }

    [Fact]
    public void Save_OfItsOwnAncestor_SaysSo() => AssertFails(Save(Environment.ProcessId), null, "ancestor");

    [Fact]
    public void Save_OfPidOne_IsNotTried() => AssertFails(Save(1), null, "1");

    [Fact]
    public void Save_OfAZombie_SaysSo()
    {
        using ProgramUnderTest program = Start("threadstate");
        Reaper.Hold(program.Pid);
        program.Signal(Native.SIGKILL);
        Wait.Until(() => Proc.Stat($"/proc/{program.Pid}") is ["Z", ..], () => "no zombie");
        AssertFails(Save(program.Pid), null, "has ended");
    }

    [Fact]
    public void Save_WithoutPrivilege_NamesWhatIsMissing()
    {
        using ProgramUnderTest program = Start("threadstate");
        using TempFolder writable = new();
        File.SetUnixFileMode(writable.Path, (UnixFileMode)0b111_111_111);
        Answer answer = Binary.RunAs(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--bounding-set=-all"],
            "save", $"{program.Pid}", "-o", writable["image.pmi"], "--json");
        Assert.True(answer.ExitCode == PrivilegeMissing, answer.ToString());
        Assert.True(answer.Message.Contains("sudo", StringComparison.Ordinal) || answer.Message.Contains("CAP_", StringComparison.Ordinal),
            answer.Message);
        Assert.Empty(writable.Names);
        program.AssertPasses();
    }

    [Fact]
    public void Save_OntoAFullDisk_LeavesNoFileAndTheProgramRuns()
    {
        string disk = Folder["disk"];
        Directory.CreateDirectory(disk);
        // The disk is mounted in a namespace that ends with this process, so that nothing stays mounted whatever happens.
        const string script = "mount -t tmpfs -o size=8m none \"$0\" && echo up && exec sleep 1000";
        using ProgramUnderTest holder = ProgramUnderTest.StartCommand(Folder, "unshare", "-m", "sh", "-c", script, disk);
        Wait.Until(() => holder.Log == "up\n" || !holder.IsAlive, () => holder.Log);
        string[] inside = ["nsenter", "-m", "-t", $"{holder.Pid}"];
        using ProgramUnderTest program =
            ProgramUnderTest.StartCommand(Folder, [.. inside, Places.Program("memory"), Folder["out"], "32"]);
        Wait.Until(() => program.Lines is ["READY"], () => program.Log);
        Answer answer = Binary.RunAs(inside, "save", $"{program.Pid}", "-o", $"{disk}/image.pmi");
        Assert.True(answer.ExitCode == Failed, answer.ToString());
        Assert.Contains("space", answer.Error, StringComparison.OrdinalIgnoreCase);
        Assert.Empty(Directory.GetFileSystemEntries($"/proc/{holder.Pid}/root{disk}"));
        program.AssertPasses();
    }

    [Fact]
    public void Save_OntoAnExistingFile_IsRefusedUnlessForced()
    {
        using ProgramUnderTest program = Start("threadstate");
        File.WriteAllText(Image, "precious");
        AssertFails(Save(program.Pid), null, Image);
        Assert.Equal("precious", File.ReadAllText(Image));
        program.AssertRuns();
        Binary.Save(program.Pid, Image, "--leave-running", "--force");
        program.AssertPasses();
    }

    [Theory]
    [InlineData("missing/image.pmi")]
    [InlineData("log/image.pmi")]
    public void Save_IntoAFolderThatIsNone_NamesIt(string path)
    {
        using ProgramUnderTest program = Start("threadstate");
        Answer answer = Binary.Run("save", $"{program.Pid}", "-o", Folder[path], "--json");
        AssertFails(answer, null, Path.GetDirectoryName(Folder[path])!);
        program.AssertPasses();
    }

    [Fact]
    public void Save_OfAProgramUnderADebugger_NamesTheDebugger()
    {
        using ProgramUnderTest program = Start("threadstate");
        using Process strace = Reaper.StartChild(new("/usr/bin/strace", ["-f", "-o", "/dev/null", "-p", $"{program.Pid}"])
        {
            RedirectStandardError = true,
        });
        Wait.Until(() => (Proc.ReadText($"/proc/{program.Pid}/status") ?? "").Contains($"TracerPid:\t{strace.Id}", StringComparison.Ordinal),
            () => "strace does not attach");
        AssertFails(Save(program.Pid), null, $"{strace.Id}");
        _ = Native.Kill(strace.Id, Native.SIGINT);
        strace.WaitForExit();
        program.AssertPasses();
    }

    [Theory]
    [InlineData("save")]
    [InlineData("save", "12x")]
    [InlineData("save", "1", "--leave-running", "--leave-stopped")]
    [InlineData("restore")]
    [InlineData("bogus")]
    [InlineData("save", "1", "--method", "magic")]
    public void Usage_Wrong_EndsWithTwo(params string[] arguments)
    {
        Answer answer = Binary.Run(arguments);
        Assert.True(answer.ExitCode == Usage, answer.ToString());
        Assert.NotEqual("", answer.Error + answer.Output);
    }

    private Answer Save(int pid) => Binary.Run("save", $"{pid}", "-o", Image, "--json");

    /// <param name="code">The exit code, or null where the contract leaves 1 or 3 open.</param>
    private void AssertFails(Answer answer, int? code, string named)
    {
        Assert.True(code is null ? answer.ExitCode is Failed or Refused : answer.ExitCode == code, answer.ToString());
        Assert.Equal("error", answer.Final?.GetProperty("event").GetString());
        Assert.False(string.IsNullOrEmpty(answer.ErrorId), answer.ToString());
        string all = answer.Message + string.Concat(answer.Blockers.Select(blocker => blocker.ToString()));
        Assert.Contains(named, all, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain(Folder.Names, name => name.StartsWith("image", StringComparison.Ordinal) && Folder[name] != Image);
        Assert.True(!File.Exists(Image) || File.ReadAllText(Image) == "precious", "an image was left");
    }
}
