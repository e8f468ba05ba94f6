using ProcMigrate.PowerShell.Running;
using Xunit;

namespace ProcMigrate.Tests.PowerShell;

/// <summary>Real processes, a shell in place of the binary.</summary>
public sealed class RunPoolTests
{
    [Fact]
    public void SeveralRuns_AreUnderWayAtOnce()
    {
        // Each waits for the file that the other makes.
        var folder = Directory.CreateTempSubdirectory();
        using var pool = Pool(run => $"touch {folder}/{run}; until [ -e {folder}/{(run == "a" ? "b" : "a")} ]; do sleep 0.02; done; {Result(run)}");
        pool.Start(Run("a"));
        pool.Start(Run("b"));
        Assert.Equal(2, pool.Running);
        Assert.Equal(["a", "b"], Answers(pool).Select(answer => answer.Id).Order());
        Assert.Equal(0, pool.Running);
        folder.Delete(recursive: true);
    }

    [Fact]
    public void AnAnswer_ComesAfterWhatTheRunSaid()
    {
        using var pool = Pool(run => """echo '{"event":"progress","phase":"memory","done":1,"total":2}'; """ + Result(run));
        pool.Start(Run("a"));
        var events = new List<RunEvent>();
        while (pool.Running > 0)
            events.Add(pool.Take());
        Assert.Equal([false, true, false, false], events.Select(item => item.Progress is not null));
        Assert.NotNull(events[^1].Answer);
    }

    [Fact]
    public void Dispose_InterruptsAndWaits()
    {
        var mark = Path.GetTempFileName();
        // What is undone after the lifeline ended must be there when Dispose returns.
        var pool = Pool(run => $"echo x; cat >/dev/null; sleep 0.2; echo undone >{mark}; {Result(run)}");
        pool.Start(Run("a"));
        pool.Take();
        pool.Dispose();
        Assert.Equal("undone", File.ReadAllText(mark).Trim());
        File.Delete(mark);
    }

    [Fact]
    public void AfterAnInterrupt_NothingIsStarted()
    {
        var mark = Path.Combine(Path.GetTempPath(), Path.GetRandomFileName());
        using var pool = Pool(run => $"touch {mark}; {Result(run)}");
        pool.Interrupt();
        pool.Start(Run("a"));
        Assert.Equal("Interrupted", Assert.Single(Answers(pool)).Id);
        Assert.False(File.Exists(mark));
    }

    [Fact]
    public void AFailureToStart_IsAnEventToo()
    {
        using var pool = new RunPool(_ => new BinaryRun("/nonexistent/procmigrate", [], "/"));
        pool.Start(Run("a"));
        Assert.NotNull(pool.Take().Failure);
        Assert.Equal(0, pool.Running);
    }

    private static RunPool Pool(Func<string, string> script) => new(run => new BinaryRun("/bin/sh", ["-c", script(run.Activity)], "/"));

    private static VerbRun Run(string name) => new(new VerbArguments("x"), name, null, _ => { });

    private static string Result(string id) => $$"""echo '{"event":"result","id":"{{id}}"}'""";

    private static List<Answer> Answers(RunPool pool)
    {
        var answers = new List<Answer>();
        while (pool.Running > 0)
        {
            if (pool.Take().Answer is { } answer)
                answers.Add(answer);
        }

        return answers;
    }
}
