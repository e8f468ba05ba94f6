using System.Text.Json;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests;

/// <summary>restore --pid-namespace: a tree with its own pids, whatever pids are taken.</summary>
public sealed class PidNamespaceTests : SystemTest
{
    /// <summary>Programs that check their pids, groups, sessions, signals, owners or children.</summary>
    public static TheoryData<string> Programs { get; } =
        ["threads64", "signals", "stops", "shared", "posixtimers", "threadstate", "fourthreads", "cow", "sysvipc"];

    [Theory]
    [MemberData(nameof(Programs))]
    public void Copy_BesideTheRunningOriginal_BothPass(string name)
    {
        using ProgramUnderTest program = Start(name);
        Binary.Save(program.Pid, Image, "--leave-running");
        using TreeInNamespace copy = TreeInNamespace.Restore(Image);
        Assert.Equal(program.Pid, copy.InnerPid);
        Assert.NotEqual(program.Pid, copy.Pid);
        AssertPasses(program.OutPath, copy, 1);
        program.Signal(Native.SIGUSR1);
        Wait.Until(() => Verdicts(program.OutPath).Count == 2, () => "no verdict of the original");
        Assert.All(Verdicts(program.OutPath), verdict => Assert.Equal("PASS", verdict));
    }

    [Fact]
    public void TwentyCopies_SideBySide_AllPass()
    {
        const int Copies = 20;
        using ProgramUnderTest program = Start("shared");
        Binary.Save(program.Pid, Image);
        program.AssertGone();
        List<TreeInNamespace> copies = [];
        try
        {
            for (int i = 0; i < Copies; i++)
                copies.Add(TreeInNamespace.Restore(Image));
            Assert.Equal(Copies, copies.Select(copy => copy.Pid).Distinct().Count());
            Assert.All(copies, copy => Assert.Equal(program.Pid, copy.InnerPid));
            for (int i = 0; i < Copies; i++)
                AssertPasses(program.OutPath, copies[i], i + 1);
        }
        finally
        {
            copies.ForEach(copy => copy.Dispose());
        }
    }

    /// <summary>Out of one namespace into the next, and at last to where it came from.</summary>
    [Theory]
    [InlineData("stops")]
    [InlineData("threads64")]
    [InlineData("events")]
    [InlineData("sysvipc")]
    public void Tree_SavedFromOutsideItsNamespace_GoesOn(string name)
    {
        using ProgramUnderTest program = Start(name);
        Binary.Save(program.Pid, Image);
        for (int round = 1; round <= 2; round++)
        {
            using TreeInNamespace tree = TreeInNamespace.Restore(Image);
            Assert.Equal(0, Binary.Run("check", $"{tree.Pid}", "--json").ExitCode);
            string next = Folder[$"round-{round}.pmi"];
            Answer saved = Binary.Save(tree.Pid, next);
            Assert.Equal((tree.Pid, program.Pid), (saved.Final!.Value.GetProperty("pid").GetInt32(), saved.Final.Value.GetProperty("innerPid").GetInt32()));
            Assert.Equal(0, tree.AwaitEnd() & 0x7f);
            File.Move(next, Image, overwrite: true);
        }
        Binary.Restore(Image);
        program.AssertPasses();
    }

    /// <summary>What a shell says of signals and exit codes holds for the init, too.</summary>
    [Theory]
    [InlineData("trap 'exit 7' TERM; echo READY >> $0; while :; do sleep 0.05; done", Native.SIGTERM, 7)]
    [InlineData("echo READY >> $0; while :; do sleep 0.05; done", Native.SIGTERM, 128 + Native.SIGTERM)]
    [InlineData("trap 'exit 9' USR1; echo READY >> $0; while :; do sleep 0.05; done", Native.SIGUSR1, 9)]
    public void Init_PassesSignalsOnAndTellsTheExitStatus(string script, int signal, int code)
    {
        using ProgramUnderTest shell = ProgramUnderTest.StartCommand(Folder, "/bin/sh", "-c", script, Folder["out"]);
        Wait.Until(() => shell.Lines is ["READY"], () => "the shell does not get ready");
        Binary.Save(shell.Pid, Image);
        using TreeInNamespace tree = TreeInNamespace.Restore(Image);
        Assert.Equal(0, Native.Kill(tree.Init, signal));
        Assert.Equal(code << 8, tree.AwaitEnd());
    }

    [Fact]
    public void Init_WaitsForOrphansAndOutlivesTheRoot()
    {
        const string script = "(sleep 0.1 &) ; (sh -c 'echo READY >> $0; while [ ! -e $0.end ]; do sleep 0.05; done; echo END >> $0' $0 &) ; while :; do (sleep 0.02 &); sleep 0.1; done";
        using ProgramUnderTest shell = ProgramUnderTest.StartCommand(Folder, "/bin/sh", "-c", script, Folder["out"]);
        Wait.Until(() => shell.Lines is ["READY"], () => "the shell does not get ready");
        // The tree's root and the pids of the orphans: these belong to the test run here, and are no part of the tree.
        Binary.Save(shell.Pid, Image);
        using TreeInNamespace tree = TreeInNamespace.Restore(Image);
        for (int i = 0; i < 20; i++)
        {
            Thread.Sleep(50);
            Wait.Until(() => !Reaper.Descendants(tree.Init).Any(pid => Proc.Stat($"/proc/{pid}") is ["Z", { } parent, ..] && parent == $"{tree.Init}"),
                () => "an orphan stays a zombie");
        }
        File.WriteAllText(Folder["out.end"], "");
        Assert.Equal(0, Native.Kill(tree.Pid, Native.SIGKILL));
        Assert.Equal((128 + Native.SIGKILL) << 8, tree.AwaitEnd());
    }

    [Fact]
    public void KilledInit_TakesTheTreeDown()
    {
        using ProgramUnderTest program = Start("stops");
        Binary.Save(program.Pid, Image);
        using TreeInNamespace tree = TreeInNamespace.Restore(Image);
        Assert.Equal(0, Native.Kill(tree.Init, Native.SIGKILL));
        Assert.Equal(Native.SIGKILL, tree.AwaitEnd());
        Assert.False(Proc.Exists(tree.Pid));
    }

    [Theory]
    [InlineData("exit 5", 5)]
    [InlineData("kill -KILL $$", 128 + Native.SIGKILL)]
    public void Wait_EndsWithTheRootsExitCode(string end, int code)
    {
        string script = $"echo READY >> $0; while [ ! -e $0.go ]; do sleep 0.05; done; {end}";
        using ProgramUnderTest shell = ProgramUnderTest.StartCommand(Folder, "/bin/sh", "-c", script, Folder["out"]);
        Wait.Until(() => shell.Lines is ["READY"], () => "the shell does not get ready");
        Binary.Save(shell.Pid, Image);
        File.WriteAllText(Folder["out.go"], "");
        Assert.Equal(code, Binary.Run("restore", Image, "--pid-namespace", "--wait", "--stdio", "null").ExitCode);
    }

    [Fact]
    public void ImageOnStdin_IsRestoredInANamespace()
    {
        using ProgramUnderTest program = Start("stops");
        Binary.Save(program.Pid, Image);
        Answer restored = Binary.RunAs(["/bin/sh", "-c", $"exec \"$0\" \"$@\" < {Image}"], "restore", "-", "--pid-namespace", "--json");
        Assert.True(restored.ExitCode == 0, $"{restored}");
        using TreeInNamespace tree = TreeInNamespace.Of(restored);
        AssertPasses(program.OutPath, tree, 1);
    }

    [Fact]
    public void PidsTaken_WithoutTheOption_TellsOfIt()
    {
        using ProgramUnderTest program = Start("stops");
        Binary.Save(program.Pid, Image, "--leave-running");
        Answer refused = Binary.Run("restore", Image, "--json");
        Assert.Equal(3, refused.ExitCode);
        JsonElement blocker = refused.Blockers.First(b => b.GetProperty("id").GetString() == "PidInUse" && b.GetProperty("pid").GetInt32() == program.Pid);
        Assert.Contains("stops", blocker.GetProperty("what").GetString(), StringComparison.Ordinal);
        Assert.Contains("--pid-namespace", blocker.GetProperty("remedy").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public void SecondRestore_OfOneImage_Warns()
    {
        using ProgramUnderTest program = Start("stops");
        Binary.Save(program.Pid, Image);
        Answer first = Binary.Restore(Image, "--pid-namespace"), second = Binary.Restore(Image, "--pid-namespace");
        using TreeInNamespace one = TreeInNamespace.Of(first), two = TreeInNamespace.Of(second);
        Assert.Empty(first.Final!.Value.GetProperty("warnings").EnumerateArray());
        Assert.Contains("twice", Assert.Single(second.Final!.Value.GetProperty("warnings").EnumerateArray()).GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public void FailedRestore_LeavesNoNamespaceBehind()
    {
        using ProgramUnderTest program = Start("files");
        Binary.Save(program.Pid, Image);
        foreach (string file in Directory.GetFiles(Folder.Path, "out.*"))
            File.Delete(file);
        Answer refused = Binary.Run("restore", Image, "--pid-namespace", "--json");
        Assert.Equal(3, refused.ExitCode);
        Assert.NotEmpty(refused.Blockers);
    }

    internal static void AssertPasses(string outPath, TreeInNamespace tree, int verdicts)
    {
        Assert.Equal(0, Native.Kill(tree.Pid, Native.SIGUSR1));
        Wait.Until(() => Verdicts(outPath).Count == verdicts, () => $"no verdict: {Proc.ReadText(outPath)}");
        Assert.Equal("PASS", Verdicts(outPath)[^1]);
        Assert.Equal(0, tree.AwaitEnd());
    }

    internal static List<string> Verdicts(string outPath) =>
        [.. (Proc.ReadText(outPath) ?? "").Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(line => line != "READY")];
}
