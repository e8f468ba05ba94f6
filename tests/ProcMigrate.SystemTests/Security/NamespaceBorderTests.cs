using System.Text.Json;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Security;

/// <summary>Trees in namespaces that no restore of ours has made: what these hold comes back, or the save is refused, and nothing is lost without a word.</summary>
public sealed class NamespaceBorderTests : SystemTest
{
    private static readonly string[] InTime = ["timeout", "-s", "KILL", "60"];

    /// <summary>No restore could give a program the pid 1; and from inside it cannot even be ended.</summary>
    [Fact]
    public void ProcessOne_IsRefusedFromOutsideAndInside()
    {
        using ProgramUnderTest unshare = ProgramUnderTest.StartCommand(
            Folder, "unshare", "-pf", "--mount-proc", "--kill-child", Places.Program("threadstate"), Folder["out"]);
        Wait.Until(() => unshare.Lines is ["READY"], () => $"not ready: {unshare.Log}");
        int inside = Assert.Single(Reaper.Descendants(unshare.Pid));
        string[] enter = ["nsenter", "-t", $"{inside}", "-a"];
        foreach (string[] options in (string[][])[[], ["--leave-running"]])
        {
            AssertRefused(Binary.RunAs([.. InTime, .. enter], ["save", "1", "-o", Image, "--json", .. options]));
            AssertRefused(Binary.Run(["save", $"{inside}", "-o", Image, "--json", .. options]));
        }
        // The tree with unshare itself has the border inside; its remedy does not send anybody to process 1.
        Answer whole = Binary.Run("check", $"{unshare.Pid}", "--json");
        JsonElement inner = whole.Blockers.First(b => b.GetProperty("id").GetString() == "InnerNamespace");
        Assert.DoesNotContain("save 1", inner.GetProperty("remedy").GetString(), StringComparison.Ordinal);
        Assert.Equal(0, Native.Kill(inside, Native.SIGUSR1));
        Wait.Until(() => unshare.Lines.Length == 2, () => $"no verdict: {unshare.Log}");
        Assert.Equal("PASS", unshare.Lines[1]);

        void AssertRefused(Answer answer)
        {
            Assert.Equal((3, "ProcessOne"), (answer.ExitCode, answer.ErrorId));
            Assert.True(Proc.IsAlive(inside));
            Assert.False(File.Exists(Image));
        }
    }

    /// <summary>What the remedy for process 1 says: its child is saved from inside, and goes on in a namespace that a restore makes.</summary>
    [Fact]
    public void ChildOfSomeProcessOne_IsSavedAsTheRemedySays_AndGoesOn()
    {
        using (ProgramUnderTest unshare = ProgramUnderTest.StartCommand(
            Folder, "unshare", "-pf", "--mount-proc", "--kill-child", "/bin/sh", "-c", "\"$0\" \"$1\" 2>/dev/null & wait; true", Places.Program("threadstate"), Folder["out"]))
        {
            Wait.Until(() => unshare.Lines is ["READY"], () => $"not ready: {unshare.Log}");
            int shell = ChildOf(unshare.Pid);
            Answer refused = Binary.Run("save", $"{shell}", "-o", Image, "--json");
            Assert.Equal("ProcessOne", refused.ErrorId);
            Answer outside = Binary.Run("save", $"{ChildOf(shell)}", "-o", Image, "--json");
            Assert.Equal("Namespace", Assert.Single(outside.Blockers).GetProperty("id").GetString());
            string[] remedy = refused.Message[refused.Message.IndexOf("nsenter", StringComparison.Ordinal)..].TrimEnd('.').Split(' ');
            int verb = Array.IndexOf(remedy, "procmigrate");
            Answer saved = Binary.RunAs([.. InTime, .. remedy[..verb]], [.. remedy[(verb + 1)..], "-o", Image, "--json"]);
            Assert.True(saved.ExitCode == 0, $"{string.Join(' ', remedy)}: {saved}");
        }
        using TreeInNamespace tree = TreeInNamespace.Restore(Image);
        PidNamespaceTests.AssertPasses(Folder["out"], tree, 1);
    }

    /// <summary>As services with PrivateTmp have it: what is mounted there is nobody else's.</summary>
    [Fact]
    public void PrivateMounts_AreToldFromOutsideAndInside_AndComeBackWhereSomethingKeepsThem()
    {
        using ProgramUnderTest program = ProgramUnderTest.StartCommand(
            Folder, "unshare", "-m", "/bin/sh", "-c", "mount -t tmpfs private /mnt && echo held >/mnt/held && exec \"$0\" \"$1\" </mnt/held",
            Places.Program("threadstate"), Folder["out"]);
        Wait.Until(() => program.Lines is ["READY"], () => $"not ready: {program.Log}");
        AssertTold(Binary.Run("save", $"{program.Pid}", "-o", Image, "--json"), "Namespace");
        AssertTold(Binary.RunAs([.. InTime, "nsenter", "-t", $"{program.Pid}", "-a"], "save", $"{program.Pid}", "-o", Image, "--json"), "PrivateMounts");
        // The remedy.
        using var keeper = Reaper.StartChild(new("nsenter", ["-t", $"{program.Pid}", "-m", "sleep", "infinity"]));
        Wait.Until(() => Proc.ReadLink($"/proc/{keeper.Id}/exe")?.EndsWith("sleep", StringComparison.Ordinal) == true, () => "no keeper");
        string[] enter = [.. InTime, "nsenter", "-t", $"{keeper.Id}", "-m"];
        Answer saved = Binary.RunAs(enter, "save", $"{program.Pid}", "-o", Image, "--json");
        Assert.True(saved.ExitCode == 0, $"{saved}");
        program.AssertGone();
        Answer restored = Binary.RunAs(enter, "restore", Image, "--json");
        Assert.True(restored.ExitCode == 0, $"{restored}");
        Assert.Equal("/mnt/held", Proc.ReadLink($"/proc/{program.Pid}/fd/0"));
        program.AssertPasses();
        keeper.Kill();
        keeper.WaitForExit();

        void AssertTold(Answer answer, string id)
        {
            Assert.Equal(3, answer.ExitCode);
            Assert.Contains("/mnt is a tmpfs", answer.Blockers.First(b => b.GetProperty("id").GetString() == id).GetProperty("what").GetString(), StringComparison.Ordinal);
            Assert.True(program.IsAlive);
        }
    }

    /// <summary>A mount that is only stricter than the host's counts, too: after a restore the program could write there.</summary>
    [Fact]
    public void ReadOnlyView_IsTold()
    {
        using ProgramUnderTest program = ProgramUnderTest.StartCommand(
            Folder, "unshare", "-m", "/bin/sh", "-c", "mount --bind /mnt /mnt && mount -o remount,bind,ro /mnt && exec \"$0\" \"$1\"",
            Places.Program("threadstate"), Folder["out"]);
        Wait.Until(() => program.Lines is ["READY"], () => $"not ready: {program.Log}");
        Answer answer = Binary.Run("check", $"{program.Pid}", "--json");
        Assert.Contains("/mnt is mounted ro there", Assert.Single(answer.Blockers).GetProperty("what").GetString(), StringComparison.Ordinal);
        program.AssertPasses();
    }

    /// <summary>A mount namespace of its own with the same mounts as the host's holds nothing: the tree comes back as if it had none.</summary>
    [Fact]
    public void SameMounts_AreNoBorder()
    {
        using ProgramUnderTest program = ProgramUnderTest.StartCommand(Folder, "unshare", "-m", Places.Program("threadstate"), Folder["out"]);
        Wait.Until(() => program.Lines is ["READY"], () => $"not ready: {program.Log}");
        program.SaveAndRestoreChanging(Image);
        program.AssertPasses();
    }

    private static int ChildOf(int pid) => int.Parse(Assert.Single(Proc.ReadText($"/proc/{pid}/task/{pid}/children")!.Split(' ', StringSplitOptions.RemoveEmptyEntries)));
}
