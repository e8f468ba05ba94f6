using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Endings;

/// <summary>A call of the command that fails: what it says then is what is the case.</summary>
public sealed class FailedCallTests : FamilyTest
{
    private const int EIO = 5;
    private static readonly int Tries = Places.Long ? 400 : 20;

    [Fact]
    public void Save_OfAPtraceCallFails_TheProgramIsAsBefore()
    {
        var at = new AtCall(Folder, 20260134);
        using ProgramUnderTest program = Start("threadstate");
        string[] save = ["save", $"{program.Pid}", "-o", Image, "--leave-running", "--json"];
        int calls = at.CountPtrace(save), failed = 0;
        ProcSnapshot before = ProcSnapshot.CaptureStable(program.Pid);
        for (int attempt = 0; attempt < Tries; attempt++)
        {
            File.Delete(Image);
            // All of them in turn, far apart, from the first on.
            int call = 1 + (int)((long)attempt * 37 % calls);
            Answer answer = at.FailPtrace(call, EIO, save);
            program.AssertRuns();
            // What failed may have been of no account.
            failed += answer.ExitCode == 0 ? 0 : 1;
            Assert.Equal(answer.ExitCode == 0, File.Exists(Image));
            AssertSameSoon(before, program.Pid);
        }
        Assert.True(failed > 0, "no failing call made a save fail");
        program.AssertPasses();
    }

    /// <summary>A thread that was left in the middle of a call gets home by itself, as soon as it has run for an instant.</summary>
    private static void AssertSameSoon(ProcSnapshot before, int pid)
    {
        for (int look = 0; look < 50 && (Proc.ReadText($"/proc/{pid}/maps") ?? "").Contains("-101010000 ", StringComparison.Ordinal); look++)
            Thread.Sleep(20);
        ProcSnapshot.AssertSame(before, pid);
    }

    /// <summary>From the moment on from which it runs, nothing may say that it was undone.</summary>
    [Fact]
    public void Restore_OfAPtraceCallFails_ItSaysWhatIsLeft()
    {
        var at = new AtCall(Folder, 20260135);
        using ProgramUnderTest family = Start("family");
        int[] pids = Pids(family);
        string[] restore = ["restore", Image, "--json"];
        Binary.Save(family.Pid, Image);
        int calls = at.CountPtrace(restore), failed = 0;
        for (int attempt = 0; attempt < Tries; attempt++)
        {
            if (Proc.IsAlive(pids[0]))
                Binary.Save(family.Pid, Image, "--force");
            // From the last one back: where it is let go first.
            int call = calls - attempt * 3 % calls;
            Answer answer = at.FailPtrace(call, EIO, restore);
            int living = Living(pids);
            bool runs = answer.ExitCode == 0 || answer.ErrorId == "AfterRestore";
            Assert.True(living == (runs ? 4 : 0), $"ptrace call {call} of {calls}, {living} of 4 live: {answer}");
            failed += answer.ExitCode == 0 ? 0 : 1;
        }
        Assert.True(failed > 0, "no failing call made a restore fail");
        if (!Proc.IsAlive(pids[0]))
            Binary.Restore(Image);
        Pass(family);
    }

    [Fact]
    public void LimitOfFilesTooLow_TheMessageIsNotOfATypeInitializer()
    {
        using ProgramUnderTest program = Start("family");
        Answer answer = Binary.RunAs(["/bin/sh", "-c", "ulimit -n 12; exec \"$0\" \"$@\""], "save", $"{program.Pid}", "-o", Image, "--leave-running");
        Assert.NotEqual(0, answer.ExitCode);
        Assert.DoesNotContain("type initializer", answer.ToString(), StringComparison.OrdinalIgnoreCase);
        program.AssertPasses();
    }
}
