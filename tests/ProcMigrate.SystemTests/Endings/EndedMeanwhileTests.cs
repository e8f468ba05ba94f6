using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Endings;

/// <summary>Somebody kills a process of the tree while it is saved or restored, as the kernel does when memory runs out.</summary>
public sealed class EndedMeanwhileTests : FamilyTest
{
    private static readonly int Tries = Places.Long ? 200 : 12;

    [Fact]
    public void Save_AProcessOfTheTreeIsKilled_ItSaysSoAndTheOthersRunOn()
    {
        var at = new AtCall(Folder, 20260129);
        int told = 0;
        for (int attempt = 0; attempt < Tries; attempt++)
        {
            using var folder = new TempFolder();
            using ProgramUnderTest family = ProgramUnderTest.Start(folder, "family");
            int victim = Pids(family)[1 + attempt % 3];
            string[] save = ["save", $"{family.Pid}", "-o", folder["image.pmi"], "--leave-running", "--json"];
            int calls = attempt == 0 || Places.Long ? at.Count(save) : Calls;
            File.Delete(folder["image.pmi"]);
            Calls = calls;
            int call = at.Any(calls);
            Answer answer = at.Kill(call, victim, save);
            if (answer.ExitCode != 0)
            {
                Assert.True(answer.ErrorId == "ProgramEnded" && answer.Message.Contains($"Process {victim} ", StringComparison.Ordinal), $"call {call}: {answer}");
                Assert.False(File.Exists(folder["image.pmi"]), "an image of half a tree");
                told++;
            }
            Pass(family);
        }
        at.TellLongest();
        Assert.True(told > 0, "no process was killed while it was frozen");
    }

    [Fact]
    public void Restore_AProcessOfTheTreeIsKilled_ItSaysSoAndNothingIsLeft()
    {
        var at = new AtCall(Folder, 20260130);
        using ProgramUnderTest family = Start("family");
        int[] pids = Pids(family);
        string[] restore = ["restore", Image, "--json"];
        Binary.Save(family.Pid, Image);
        int calls = at.Count(restore), told = 0;
        for (int attempt = 0; attempt < Tries; attempt++)
        {
            if (family.IsAlive)
                Binary.Save(family.Pid, Image, "--force");
            int call = at.Any(calls);
            Answer answer = at.Kill(call, pids[1 + attempt % 3], restore);
            if (answer.ExitCode == 0)
            {
                // Killed when it ran already, or before it was made: the next round begins with the whole.
                if (pids.All(Proc.IsAlive))
                    continue;
                family.Signal(Native.SIGKILL);
                foreach (int pid in pids.Where(Proc.IsAlive))
                    _ = Native.Kill(pid, Native.SIGKILL);
                Wait.Until(() => !pids.Any(Proc.Exists), () => "the family does not end");
                continue;
            }
            Assert.True(answer.ErrorId == "RestoreDied", $"call {call}: {answer}");
            Assert.Equal(0, Living(pids));
            Wait.Until(() => !pids.Any(Proc.Exists), () => "something is left");
            told++;
        }
        at.TellLongest();
        Assert.True(told > 0, "no process was killed while it was made");
        Assert.Empty(at.Records);
        if (!family.IsAlive)
            Binary.Restore(Image);
        Pass(family);
    }

    private int Calls { get; set; }
}
