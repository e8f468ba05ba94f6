using System.Text.Json;
using ProcMigrate.Remote;
using Xunit;

namespace ProcMigrate.Tests.Cli;

public sealed class FarVerbTests
{
    private const string Restored =
        """{"event":"result","verb":"restore","pid":4711,"processes":[{"pid":4711,"name":"sim","threads":5}],"timings":{"totalMs":85}}""";

    [Fact]
    public void Restore_RunsThereWithoutTheWayThere()
    {
        var (target, arguments) = Run(
            Restored, "restore", "-x.pmi", "--force", "--stdio", "/tmp/l", "--host", "n2", "--user", "u", "--port", "2222",
            "--identity", "/k", "--ssh-option", "A=1", "--ssh-option", "B=2");
        Assert.Equal(["restore", "--force", "--stdio", "/tmp/l", "--", "-x.pmi"], arguments);
        Assert.Equal("n2", target.Host);
        Assert.Equal("u", target.User);
        Assert.Equal(2222, target.Port);
        Assert.Equal("/k", target.IdentityFile);
        Assert.Equal(["A=1", "B=2"], target.Options);
    }

    [Theory]
    [InlineData("inspect", "x")]
    [InlineData("check", "x")]
    public void OtherVerbs_RunThereToo(params string[] verb)
    {
        var line = $$"""{"event":"result","verb":"{{verb[0]}}","blockers":[]}""";
        var (_, arguments) = Run(line, [.. verb, "--host", "n2"]);
        Assert.Equal([verb[0], "--", verb[1]], arguments);
    }

    [Fact]
    public void Result_SaysTheHost()
    {
        var cli = Answering(0, Restored);
        Assert.Equal(0, cli.Run("restore", "x", "--host", "n2", "--json"));
        var result = JsonDocument.Parse(cli.OutputLines[^1]).RootElement;
        Assert.Equal("n2", result.GetProperty("host").GetString());
        Assert.Equal(4711, result.GetProperty("pid").GetInt32());

        cli = Answering(0, Restored);
        cli.Run("restore", "x", "--host", "n2");
        Assert.StartsWith("sim (pid 4711) runs on n2\n", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Progress_IsPassedOn()
    {
        var cli = new CliHarness
        {
            OnRun = (_, _, onLine) =>
            {
                onLine("""{"event":"progress","verb":"restore","phase":"memory","done":1,"total":2}""");
                return Samples.Answer(0, Restored);
            },
        };
        cli.Run("restore", "x", "--host", "n2", "--json");
        Assert.Equal("""{"event":"progress","verb":"restore","phase":"memory","done":1,"total":2}""", cli.OutputLines[0]);
    }

    [Fact]
    public void ErrorThere_IsTheErrorHere()
    {
        const string error =
            """{"event":"error","id":"Blocked","message":"2 blockers","blockers":[{"id":"PidInUse","pid":4711,"what":"pid 4711","why":"bash has it","remedy":"end it"}],"exitCode":3}""";
        var cli = Answering(3, error);
        Assert.Equal(3, cli.Run("restore", "x", "--host", "n2"));
        Assert.Contains("procmigrate: n2: 2 blockers", cli.Error, StringComparison.Ordinal);
        Assert.Contains("  1. PidInUse (pid 4711): pid 4711\n     why:    bash has it\n     remedy: end it\n", cli.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"event":"gibberish"}""")]
    [InlineData("""{"hello":1}""")]
    [InlineData("""[1]""")]
    [InlineData("""{"event":"error"}""")]
    [InlineData("""{"event":"error","id":"x","message":null,"blockers":[],"exitCode":1}""")]
    [InlineData("""{"event":"error","id":"x","message":"y","blockers":[null],"exitCode":1}""")]
    [InlineData("""{"event":"error","id":"x","message":"y","blockers":[{"id":"z"}],"exitCode":1}""")]
    [InlineData("""{"event":"result"}""")]
    [InlineData("""{"event":"result","verb":"check"}""")]
    [InlineData("""{"event":"result","verb":"restore","processes":[null]}""")]
    [InlineData("""{"event":"result","verb":"restore","exitCode":1}""")]
    public void SomethingElse_IsTheHostsFault(string line)
    {
        var cli = Answering(0, line);
        Assert.Equal(5, cli.Run("restore", "x", "--host", "n2"));
    }

    /// <summary>An error stays one, whatever the host says that it ends with.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(256)]
    public void ErrorWithAnImpossibleExitCode_EndsWithOne(int exitCode)
    {
        string line = $$"""{"event":"error","id":"x","message":"y","blockers":[],"exitCode":{{exitCode}}}""";
        Assert.Equal(1, Answering(0, line).Run("restore", "x", "--host", "n2"));
        Assert.Equal(1, Answering(0, line).Run("restore", "x", "--host", "n2", "--json"));
    }

    private static CliHarness Answering(int exitCode, string line) => new() { OnRun = (_, _, _) => Samples.Answer(exitCode, line) };

    private static (SshTarget Target, IReadOnlyList<string> Arguments) Run(string answer, params string[] line)
    {
        (SshTarget, IReadOnlyList<string>)? seen = null;
        var cli = new CliHarness
        {
            OnRun = (target, arguments, _) =>
            {
                seen = (target, arguments);
                return Samples.Answer(0, answer);
            },
        };
        Assert.Equal(0, cli.Run(line));
        return seen!.Value;
    }
}
