using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Endings;

/// <summary>SIGINT and SIGTERM right before any system call: the verb ends, and what it began is undone.</summary>
public sealed class InterruptedTests : FamilyTest
{
    private const int SIGINT = 2;
    private const int SIGTERM = 15;
    private static readonly int Tries = Places.Long ? 100 : 8;

    [Fact]
    public void Save_Interrupted_IsUndone()
    {
        using ProgramUnderTest family = Start("family");
        Interrupt(["save", $"{family.Pid}", "-o", Image, "--leave-running", "--json"], _ =>
        {
            Assert.Equal(4, Living(Pids(family)));
            File.Delete(Image);
        });
        Pass(family);
    }

    [Fact]
    public void CheckOfAProcess_Interrupted_ChangesNothing()
    {
        using ProgramUnderTest family = Start("family");
        Interrupt(["check", $"{family.Pid}", "--json"], _ => Assert.Equal(4, Living(Pids(family))));
        Pass(family);
    }

    [Fact]
    public void Restore_Interrupted_IsUndone()
    {
        using ProgramUnderTest family = Start("family");
        int[] pids = Pids(family);
        Binary.Save(family.Pid, Image);
        Interrupt(["restore", Image, "--json"], complete =>
        {
            Assert.Equal(complete ? 4 : 0, Living(pids));
            if (complete)
                Binary.Save(family.Pid, Image, "--force");
            Wait.Until(() => !pids.Any(Proc.Exists), () => "something is left");
        });
        Binary.Restore(Image);
        Pass(family);
    }

    [Theory]
    [InlineData("check")]
    [InlineData("inspect")]
    public void OfAnImage_Interrupted_Ends(string verb)
    {
        using ProgramUnderTest family = Start("family");
        Binary.Save(family.Pid, Image, "--leave-running");
        byte[] before = File.ReadAllBytes(Image);
        Pass(family);
        Interrupt([verb, Image, "--json"], _ => Assert.Equal(before, File.ReadAllBytes(Image)));
    }

    /// <param name="afterwards">Gets whether it came to its end all the same.</param>
    private void Interrupt(string[] arguments, Action<bool> afterwards)
    {
        var at = new AtCall(Folder, 20260133);
        int calls = at.Count(arguments), interrupted = 0;
        afterwards(true);
        for (int attempt = 0; attempt < Tries; attempt++)
        {
            int call = at.Any(calls), signal = attempt % 2 == 0 ? SIGINT : SIGTERM;
            Answer answer = at.Signal(call, signal, arguments);
            Assert.True(answer.ExitCode == 0 || answer.ExitCode == 128 + signal, $"call {call} of {calls}: {answer}");
            Assert.True(answer.ExitCode == 0 || answer.Final is null || answer.ErrorId == "Interrupted", $"call {call} of {calls}: {answer}");
            interrupted += answer.ExitCode == 0 ? 0 : 1;
            afterwards(answer.ExitCode == 0);
        }
        at.TellLongest();
        Assert.True(interrupted > 0, "no run was met before its end");
        Assert.Empty(at.Records);
    }
}
