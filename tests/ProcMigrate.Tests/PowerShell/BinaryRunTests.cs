using ProcMigrate.PowerShell.Running;
using Xunit;

namespace ProcMigrate.Tests.PowerShell;

public sealed class BinaryRunTests
{
    [Fact]
    public void LinesComeAsTheyAreSaid_AndTheLastIsTheAnswer()
    {
        var seen = new List<long>();
        using var run = Shell(
            """
            echo '{"event":"progress","verb":"save","phase":"memory","done":1,"total":2}'
            echo 'no event at all'
            echo '{"event":"progress","verb":"save","phase":"memory","done":2,"total":2}'
            echo '{"event":"result","verb":"save","pid":7,"new-member":{"of":"tomorrow"}}'
            """);
        var answer = run.Run(progress => seen.Add(progress.Done));
        Assert.Equal([1, 2], seen);
        Assert.Equal("result", answer.Event);
        Assert.Equal(7, answer.Pid);
    }

    /// <summary>A name that came out of an image goes into --map, say, as the bytes that it is.</summary>
    [Fact]
    public void Arguments_OfAnyBytes_Arrive_AndNamesComeBack()
    {
        const string name = "a\udce9 'b'\n%s\\";
        using var run = new BinaryRun("/bin/sh", ["-c", """printf '{"event":"error","id":"%s","message":"caf\\u0000e9"}\n' "$(printf '%s' "$1" | od -An -tx1 | tr -d ' \n')" """, "sh", name], "/");
        var answer = run.Run(_ => { });
        Assert.Equal("61e92027" + "62270a25735c", answer.Id);
        Assert.Equal("caf\udce9", answer.Message);
    }

    [Fact]
    public void NoAnswer_IsAnErrorWithItsOwnWords()
    {
        using var run = Shell("echo 'out of memory' >&2; exit 137");
        var answer = run.Run(_ => { });
        Assert.Equal("NoAnswer", answer.Id);
        Assert.Equal(137, answer.ExitCode);
        Assert.Contains("out of memory", answer.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Interrupt_EndsTheLifeline()
    {
        using var run = Shell(
            """
            test "$PROCMIGRATE_LIFELINE" = 1 || exit 9
            echo '{"event":"progress","verb":"save","phase":"memory","done":1,"total":2}'
            cat >/dev/null
            echo '{"event":"error","id":"Interrupted","message":"undone","blockers":[],"exitCode":130}'
            exit 130
            """);
        var answer = run.Run(_ => run.Interrupt());
        Assert.Equal("Interrupted", answer.Id);
        Assert.Equal(130, answer.ExitCode);
    }

    [Fact]
    public void InterruptBeforeTheStart_StartsNothing()
    {
        using var run = new BinaryRun("/nonexistent", [], "/");
        run.Interrupt();
        Assert.Equal("Interrupted", run.Run(_ => { }).Id);
    }

    [Fact]
    public void RunsWherePowerShellIs()
    {
        using var run = Shell("""printf '{"event":"error","id":"Place","message":"%s"}\n' "$PWD" """);
        Assert.Equal("/", run.Run(_ => { }).Message);
    }

    private static BinaryRun Shell(string script) => new("/bin/sh", ["-c", script], "/");
}
