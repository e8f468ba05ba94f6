using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests;

/// <summary>Each program of tests/programs holds one kind of state and checks it itself.</summary>
public sealed class KernelFeatureTests : SystemTest
{
    /// <summary>Program and arguments, as one line.</summary>
    public static TheoryData<string> Programs { get; } =
    [
        "maps", "manymaps 2000", "manyfiles", "memory 48", "regs general", "regs x87", "regs sse", "regs avx", "regs avx512", "regs", "threadstate",
        "signals", "sleeps", "creds", "attributes", "files", "deleted", "locks", "posixtimers", "places", "seccomp", "seccomp alike",
        "dispatch", "memsettings", "mqueue", "hugepages", "ptys", "pipes", "events", "fanotify", "tun", "namespaces", "vdso", "vdso gone", "shared", "threadfolders", "cow", "stops", "rseq", "threads64", "fourthreads", "steady",
        "maps-static", "regs-static", "threadstate-static", "signals-static",
    ];

    [Theory]
    [MemberData(nameof(Programs))]
    public void Program_Alone_Passes(string line)
    {
        using ProgramUnderTest program = StartLine(line);
        program.AssertPasses();
    }

    [Theory]
    [MemberData(nameof(Programs))]
    public void Program_SavedAndRestored_Passes(string line)
    {
        using ProgramUnderTest program = StartLine(line);
        SaveAndRestore(program, line, Image);
        program.AssertPasses();
    }

    /// <summary>What a restore makes can be saved as well as what a program made.</summary>
    [Theory]
    [MemberData(nameof(Programs))]
    public void Program_SavedAndRestoredThreeTimes_Passes(string line)
    {
        using ProgramUnderTest program = StartLine(line);
        for (int round = 1; round <= 3; round++)
            SaveAndRestore(program, line, Folder[$"round-{round}.pmi"]);
        program.AssertPasses();
    }

    [Theory]
    [MemberData(nameof(Programs))]
    public void Program_SavedAndLeftRunning_Passes(string line)
    {
        using ProgramUnderTest program = StartLine(line);
        ProcSnapshot before = ProcSnapshot.CaptureStable(program.Pid);
        Binary.Save(program.Pid, Image, "--leave-running");
        if (!JudgesItself(line))
            ProcSnapshot.AssertSame(before, program.Pid);
        program.AssertPasses();
    }

    /// <summary>A thread that was stopped and continued sits in restart_syscall: the call to go on with is the kernel's secret.</summary>
    [Fact]
    public void Sleeps_StoppedAndContinuedBeforeTheSave_Pass()
    {
        using ProgramUnderTest program = Start("sleeps", "stops");
        StopAndContinue(program);
        program.SaveAndRestoreChanging(Image);
        program.AssertPasses();
    }

    [Fact]
    public void Sleeps_StoppedAndContinuedAfterTheRestore_Pass()
    {
        using ProgramUnderTest program = Start("sleeps", "stops");
        program.SaveAndRestoreChanging(Image);
        StopAndContinue(program);
        program.AssertPasses();
    }

    [Fact]
    public void StoppedProgram_SavedAndRestored_IsStoppedAndGoesOn()
    {
        using ProgramUnderTest program = Start("threadstate");
        program.Signal(Native.SIGSTOP);
        AwaitState(program, "T");
        // Stopped within sigsuspend it still has that call's mask, which a restored one takes when it comes to the call.
        program.SaveAndRestoreChanging(Image);
        AwaitState(program, "T");
        program.Signal(Native.SIGCONT);
        program.AssertPasses();
    }

    [Fact]
    public void LeaveStopped_AfterSaveAndAfterRestore_StopsUntilContinued()
    {
        using ProgramUnderTest program = Start("threadstate");
        Binary.Save(program.Pid, Image, "--leave-stopped");
        AwaitState(program, "T");
        program.Signal(Native.SIGCONT);
        Binary.Save(program.Pid, Folder["second.pmi"]);
        Binary.Restore(Folder["second.pmi"], "--leave-stopped");
        AwaitState(program, "T");
        program.Signal(Native.SIGCONT);
        program.AssertPasses();
    }

    /// <summary>
    /// Programs that only they themselves can judge: sleepers come to their end while the test goes on, timerfds run, epoll shows
    /// its targets in no order, and message queues are opened with O_LARGEFILE, which means nothing for them.
    /// </summary>
    private static bool JudgesItself(string line) => line is "sleeps" or "events" or "mqueue" or "rseq" or "vdso gone";

    private static void SaveAndRestore(ProgramUnderTest program, string line, string image)
    {
        if (JudgesItself(line))
            program.SaveAndRestoreChanging(image);
        else
            program.SaveAndRestore(image);
    }

    private static void StopAndContinue(ProgramUnderTest program)
    {
        program.Signal(Native.SIGSTOP);
        AwaitState(program, "T");
        program.Signal(Native.SIGCONT);
        Wait.Until(() => Proc.Stat($"/proc/{program.Pid}") is not ["T", ..], () => "still stopped");
    }

    private static void AwaitState(ProgramUnderTest program, string state) =>
        Wait.Until(() => Directory.GetDirectories($"/proc/{program.Pid}/task").All(task => Proc.Stat(task) is [var now, ..] && now == state),
            () => $"the program is not in state {state}");

    private ProgramUnderTest StartLine(string line)
    {
        string[] words = line.Split(' ');
        return Start(words[0], words[1..]);
    }
}
