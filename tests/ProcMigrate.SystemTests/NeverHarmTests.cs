using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests;

/// <summary>A save that dies at any instant leaves the program as if nothing had been.</summary>
public sealed class NeverHarmTests : SystemTest
{
    private const int Kills = 200;
    private readonly Instants instants = new(20240607);

    [Fact]
    public void SaveLeftRunning_KilledAtTwoHundredInstants_ProgramIsUnharmed()
    {
        using ProgramUnderTest program = Start("steady");
        int parked = int.Parse(program.Lines.Single(line => line.StartsWith("PARKED", StringComparison.Ordinal)).Split(' ')[1]);
        string parkedRegisters = $"/proc/{program.Pid}/task/{parked}/syscall";
        string registers = AwaitParked(parkedRegisters);
        ProcSnapshot before = ProcSnapshot.CaptureStable(program.Pid);
        int complete = 0;
        for (int kill = 0; kill < Kills; kill++)
        {
            string image = Folder[$"kill-{kill}.pmi"];
            using Binary.Running save = Binary.Start([], "save", $"{program.Pid}", "-o", image, "--leave-running", "--json");
            instants.Wait();
            save.Signal(Native.SIGKILL);
            save.Finish();
            program.AssertRuns();
            bool isComplete = CheckLeftovers(image);
            instants.Saw(isComplete);
            complete += isComplete ? 1 : 0;
        }
        Assert.InRange(complete, 0, Kills - (Kills / 4));
        ProcSnapshot.AssertSame(before, program.Pid);
        Assert.Equal(registers, AwaitParked(parkedRegisters));
        Binary.Save(program.Pid, Folder["last.pmi"], "--leave-running");
        program.AssertPasses();
    }

    /// <summary>
    /// Of a stopped program, a thread that a killed save has left on its way back does not get any further: the next save finds it there,
    /// has to leave it alone, and says so. The same happens to running ones where the machine is busy.
    /// </summary>
    [Fact]
    public void SaveOfAStoppedProgram_KilledAgainAndAgain_ItGoesOnRightly()
    {
        using ProgramUnderTest program = Start("steady");
        string[] arguments = ["save", $"{program.Pid}", "-o", Image, "--leave-running", "--json", "--force"];
        int refused = 0;
        for (int kill = 0; kill < (Places.Long ? 100 : 30); kill++)
        {
            program.Signal(Native.SIGSTOP);
            Wait.Until(() => Proc.Stat($"/proc/{program.Pid}") is ["T", ..], () => "the program does not stop");
            using Binary.Running save = Binary.Start([], arguments);
            instants.Wait();
            save.Signal(Native.SIGKILL);
            instants.Saw(save.Finish().ExitCode == 0);
            Answer next = Binary.Run(arguments);
            bool onItsWay = next.Blockers.Any(b => b.GetProperty("id").GetString() == "KilledSave");
            refused += onItsWay ? 1 : 0;
            Assert.True(onItsWay || next.ExitCode == 0, next.ToString());
            program.Signal(Native.SIGCONT);
            Binary.Save(program.Pid, Image, "--leave-running", "--force");
            program.AssertRuns();
        }
        Assert.True(refused > 0, "no save was killed in a call that the program made for it");
        program.AssertPasses();
    }

    /// <summary>
    /// Whoever is interrupted in a call by the freeze must not notice, even when nobody is there any more to tidy up. Left out
    /// are the calls that answer EINTR to any stop, a debugger's or SIGSTOP's as well (signal(7)): see docs/limits.md.
    /// </summary>
    [Fact]
    public void SaveLeftRunning_KilledOverSleepers_NoCallComesBackEarly()
    {
        // Without sigtimedwait: the kernel answers EINTR there to any stop (signal(7)), and a killed save cannot undo it.
        using ProgramUnderTest program = Start("sleeps", "stops");
        for (int kill = 0; kill < 20; kill++)
        {
            using Binary.Running save = Binary.Start([], "save", $"{program.Pid}", "-o", Folder[$"{kill}.pmi"], "--leave-running", "--json");
            instants.Wait();
            save.Signal(Native.SIGKILL);
            save.Finish();
            instants.Saw(File.Exists(Folder[$"{kill}.pmi"]));
        }
        program.AssertPasses();
    }

    /// <summary>Without --leave-running there is one moment where the image takes over. Never both gone, never a broken image.</summary>
    [Fact]
    public void Save_KilledAtAnyInstant_EitherTheProgramOrTheImageLives()
    {
        for (int kill = 0; kill < (Places.Long ? 100 : 25); kill++)
        {
            using TempFolder folder = new();
            using ProgramUnderTest program = ProgramUnderTest.Start(folder, "threadstate");
            string image = folder["image.pmi"];
            using Binary.Running save = Binary.Start([], "save", $"{program.Pid}", "-o", image, "--json");
            instants.Wait();
            save.Signal(Native.SIGKILL);
            save.Finish();
            instants.Saw(File.Exists(image));
            if (!program.IsAlive)
            {
                Wait.Until(() => !Proc.Exists(program.Pid), () => "the program does not end");
                Assert.True(File.Exists(image), "neither program nor image");
                Binary.Restore(image);
            }
            program.AssertPasses();
        }
    }

    [Fact]
    public void Save_Interrupted_IsUndone()
    {
        using ProgramUnderTest program = Start("memory", "256");
        ProcSnapshot before = ProcSnapshot.CaptureStable(program.Pid);
        IReadOnlyList<string> names = Folder.Names;
        int undone = 0;
        for (int tries = 0; tries < 30 && undone < 10; tries++)
        {
            using Binary.Running save = Binary.Start([], "save", $"{program.Pid}", "-o", Image, "--leave-running", "--json");
            instants.Wait();
            save.Signal(Native.SIGINT);
            Answer answer = save.Finish();
            instants.Saw(answer.ExitCode == 0);
            program.AssertRuns();
            if (answer.ExitCode == 0)
            {
                File.Delete(Image);
                continue;
            }
            undone++;
            Assert.Equal(names, Folder.Names);
            ProcSnapshot.AssertSame(before, program.Pid);
        }
        Assert.True(undone > 0, "no save was caught before its end");
        program.AssertPasses();
    }

    [Fact]
    public void Restore_KilledAtAnyInstant_IsAllOrNothing()
    {
        using ProgramUnderTest program = Start("threadstate");
        Binary.Save(program.Pid, Image);
        int nothing = 0;
        for (int kill = 0; kill < (Places.Long ? 200 : 50); kill++)
        {
            if (program.IsAlive)
                Binary.Save(program.Pid, Image, "--force");
            using Binary.Running restore = Binary.Start([], "restore", Image, "--json");
            instants.Wait();
            restore.Signal(Native.SIGKILL);
            restore.Finish();
            bool complete = !program.IsEnding();
            instants.Saw(complete);
            if (!complete)
            {
                nothing++;
                Wait.Until(() => !Proc.Exists(program.Pid), () => "half a process is left");
            }
        }
        Assert.True(nothing > 0, "no restore was caught before its end");
        if (!program.IsAlive)
            Binary.Restore(Image);
        program.AssertPasses();
    }

    /// <summary>What a killed save may leave: a hidden partial file, or the complete image. True: complete.</summary>
    private bool CheckLeftovers(string image)
    {
        foreach (string name in Folder.Names.Where(name => name.Contains("kill-", StringComparison.Ordinal)))
        {
            string path = Folder[name];
            if (path != image)
                Assert.True(name.StartsWith('.') || name.Contains(".part", StringComparison.Ordinal), $"a killed save left {name}");
        }
        bool complete = File.Exists(image);
        if (complete)
        {
            Answer inspect = Binary.Run("inspect", image, "--json");
            Assert.True(inspect.ExitCode == 0, $"a killed save left a broken image: {inspect}");
        }
        foreach (string name in Folder.Names.Where(name => name.Contains("kill-", StringComparison.Ordinal)))
            File.Delete(Folder[name]);
        return complete;
    }

    private static string AwaitParked(string path)
    {
        string text = "";
        Wait.Until(() => (text = Proc.ReadText(path) ?? "").StartsWith("34 ", StringComparison.Ordinal), () => $"not in pause(): {text}");
        return text;
    }
}
