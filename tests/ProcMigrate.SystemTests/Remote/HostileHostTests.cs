using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Remote;

/// <summary>
/// A host that is broken or hostile, at each step of each verb: silent, with garbage, half answers, lines without an end, answers to something
/// else. The command ends, with an error that says what and where; a program here runs on as if nothing had been; and it is ended only where the
/// host has said in full that it runs there.
/// </summary>
public sealed class HostileHostTests : SystemTest
{
    private const string Program = "memory";

    /// <summary>What a host may do that answers by lines, before anything of ours runs there.</summary>
    private static readonly string[] LoginFaults = ["silent", "gone", "garbage", "half", "endless", "chatter", "other"];

    /// <summary>And one that answers in frames.</summary>
    private static readonly string[] FrameFaults = ["silent", "gone", "garbage", "half", "endless", "other", "step", "empty", "junk"];

    /// <summary>More than a small image needs, and much less than the host sends.</summary>
    private const string HeapLimit = "DOTNET_GCHeapHardLimit=0xC000000";

    private string Plan => Folder["plan"];

    public HostileHostTests()
    {
        Directory.CreateDirectory(Folder["bin"]);
        File.CreateSymbolicLink(Folder["bin/ssh"], Path.Combine(Places.Root, "tests/hosts/lib/farside"));
    }

    [Fact]
    public void Send_EndsWithAnError() => AllEnd(
        Steps(("login", LoginFaults), ("go", FrameFaults), ("stored", FrameFaults)), WithImage("send", Image, "n2"));

    [Fact]
    public void CheckOfAnImage_EndsWithAnError() => AllEnd(
        Steps(("judged", [.. FrameFaults])).Concat([("text:judged", """{"event":"result","verb":"check","blockers":[null]}"""), ("text:judged", """{"event":"result","verb":"doctor","blockers":[]}""")]),
        WithImage("check", Image, "--host", "n2"));

    [Fact]
    public void VerbThere_EndsWithAnError() => AllEnd(
        Steps(("login", LoginFaults), ("lines", ["silent", "gone", "garbage", "half", "endless", "chatter", "other", "step", "empty", "junk"]), ("exit", ["silent", "gone", "other", "step", "empty", "junk"]))
            .Concat([("text:lines", """{"event":"error","id":"x","message":"y","blockers":[null],"exitCode":3}""")]),
        ["inspect", "/there.pmi", "--host", "n2"]);

    /// <summary>With --json, too, what another host calls an error never ends with 0.</summary>
    [Fact]
    public void ErrorThere_IsAnError_WhateverItsExitCode()
    {
        SetPlan("text:lines", """{"event":"error","id":"x","message":"y","blockers":[],"exitCode":0}""");
        Answer answer = Run("inspect", "/there.pmi", "--host", "n2", "--json");
        Assert.True(answer.ExitCode == 1, $"{answer}");
        Assert.Equal("x", answer.ErrorId);
    }

    [Fact]
    public void Patience_IsANumber()
    {
        SetPlan("login", "silent");
        Answer answer = Binary.RunAs(["env", "PROCMIGRATE_PATIENCE=soon"], "doctor", "--host", "n2", "--json");
        Assert.Equal((2, "BadPatience"), (answer.ExitCode, answer.ErrorId));
    }

    /// <summary>What shows that it is at work is waited for, longer than one that is silent.</summary>
    [Fact]
    public void SlowHost_IsWaitedFor()
    {
        SentImage.Write(Image, 1);
        SetPlan("go", "slow");
        Answer answer = RunPatiently("send", Image, "n2", "--json");
        Assert.True(answer.ExitCode == 0, $"{answer}");
        SetPlan("lines", "slow");
        answer = RunPatiently("inspect", "/there.pmi", "--host", "n2", "--json");
        Assert.True(answer.ExitCode == 0, $"{answer}");
    }

    [Fact]
    public void Migrate_BeforeTheCommit_RunsOnHere()
    {
        using ProgramUnderTest program = Start(Program, "4");
        SetPlan("judged", "slow");
        Answer slow = RunPatiently("check", $"{program.Pid}", "--host", "n2", "--json");
        Assert.True(slow.ExitCode == 0, $"{slow}");
        foreach ((string step, string fault) in Steps(("login", ["silent"]), ("judged", ["silent", "half", "empty", "junk"]), ("ready", Places.Long ? FrameFaults : ["silent", "other", "step", "junk"])))
        {
            SetPlan(step, fault);
            AssertFails(Run("migrate", $"{program.Pid}", "n2", "--json"), step, fault);
            Assert.False(Proc.Stat($"/proc/{program.Pid}") is ["T" or "t", ..], $"{step}={fault}: stopped");
            Assert.Empty(Journals());
        }
        program.AssertPasses();
    }

    /// <summary>The host says that nothing runs there, when it is asked.</summary>
    [Fact]
    public void Migrate_AfterTheCommit_RunsOnHere_WhereTheHostSaysThatItDoesNotRunThere()
    {
        using ProgramUnderTest program = Start(Program, "4");
        foreach (string fault in Places.Long ? FrameFaults : ["silent", "half", "other", "step", "junk"])
        {
            SetPlan("runs", fault);
            AssertFails(Run("migrate", $"{program.Pid}", "n2", "--json"), "runs", fault);
            Wait.Until(() => Journals().Length == 0, () => "the journal stays");
            program.AssertRuns();
        }
        foreach (string text in (string[])["", "{}", "null", """{"event":"result","verb":"check","pid":1}""", """{"event":"result","verb":"restore"}"""])
        {
            SetPlan("text:runs", text);
            AssertFails(Run("migrate", $"{program.Pid}", "n2", "--json"), "runs", text);
            program.AssertRuns();
        }
        program.AssertPasses();
    }

    [Fact]
    public void Migrate_AfterTheCommit_IsEndedHere_WhereTheHostSaysThatItRunsThere()
    {
        using ProgramUnderTest program = Start(Program, "4");
        SetPlan("runs=junk\ntext:settled", "runs");
        Answer answer = RunPatiently("migrate", $"{program.Pid}", "n2", "--json");
        Assert.True(answer.ExitCode == 0, $"{answer}");
        program.AssertGone();
        Assert.Empty(Journals());
    }

    /// <summary>Nobody knows: it stays stopped, the message says what to do, and what is found out later is done by itself.</summary>
    [Theory]
    [InlineData("aborted")]
    [InlineData("runs")]
    public void Migrate_AfterTheCommit_IsStopped_UntilTheHostHasSaid(string outcome)
    {
        using ProgramUnderTest program = Start(Program, "4");
        SetPlan("runs=silent\nsettled", "junk");
        Answer answer = RunPatiently("migrate", $"{program.Pid}", "n2", "--json");
        Assert.Equal((5, "Unsettled"), (answer.ExitCode, answer.ErrorId));
        Assert.Contains("n2", answer.Message, StringComparison.Ordinal);
        string id = Path.GetFileNameWithoutExtension(Assert.Single(Journals()));
        Assert.Contains($"procmigrate migrate --settle {id}", answer.Message, StringComparison.Ordinal);
        Assert.Contains($"kill -CONT {program.Pid}", answer.Message, StringComparison.Ordinal);
        // The stop signal waits for it: on a busy machine it has yet to run into it.
        Wait.Until(() => Proc.Stat($"/proc/{program.Pid}") is ["T", ..], () => "it is not stopped");
        SetPlan("text:settled", outcome);
        Wait.Until(() => Journals().Length == 0, () => "it is not settled");
        if (outcome == "aborted")
            program.AssertPasses();
        else
            Wait.Until(() => !program.IsAlive, () => "it is still there");
    }

    private string[] WithImage(params string[] arguments)
    {
        SentImage.Write(Image, 1);
        return arguments;
    }

    private static IEnumerable<(string Step, string Fault)> Steps(params (string Step, string[] Faults)[] steps) =>
        steps.SelectMany(step => step.Faults.Select(fault => (step.Step, fault)));

    private void SetPlan(string step, string fault) => File.WriteAllText(Plan, $"{step}={fault}\n");

    private string[] Journals() => Directory.Exists(Folder["procmigrate/migrations"]) ? Directory.GetFiles(Folder["procmigrate/migrations"]) : [];

    private string[] Environment(string plan, int patience) =>
        ["env", $"PATH={Folder["bin"]}:{System.Environment.GetEnvironmentVariable("PATH")}", $"XDG_STATE_HOME={Folder.Path}", $"FARSIDE_PLAN={plan}", $"PROCMIGRATE_PATIENCE={patience}", HeapLimit];

    private Answer Run(params string[] arguments) => Binary.RunAs(Environment(Plan, 1), arguments);

    /// <summary>For tests that need the host to come to its step, on a busy machine, too.</summary>
    private Answer RunPatiently(params string[] arguments) => Binary.RunAs(Environment(Plan, 2), arguments);

    /// <summary>A few at a time: most of them only wait.</summary>
    private void AllEnd(IEnumerable<(string Step, string Fault)> faults, string[] arguments)
    {
        int number = 0;
        foreach (var few in faults.Chunk(8))
        {
            var running = new List<(string Step, string Fault, Binary.Running Run)>();
            foreach ((string step, string fault) in few)
            {
                string plan = Folder[$"plan{number++}"];
                File.WriteAllText(plan, $"{step}={fault}\n");
                running.Add((step, fault, Binary.Start(Environment(plan, 1), [.. arguments, "--json"])));
            }
            foreach ((string step, string fault, Binary.Running run) in running)
            {
                using (run)
                    AssertFails(run.Finish(), step, fault);
            }
        }
    }

    private static void AssertFails(Answer answer, string step, string fault)
    {
        string context = $"{step}={fault}: {answer}";
        Assert.True(answer.ExitCode == 5, context);
        Assert.Contains("n2", answer.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("Unexpected", context, StringComparison.Ordinal);
        if (fault == "silent")
            Assert.True(answer.ErrorId is "HostSilent" or "ConnectionCut", context);
    }
}
