using System.CommandLine;
using System.Text.Json;
using ProcMigrate.Cli.Verbs;
using ProcMigrate.Engine.Contracts;
using Xunit;

namespace ProcMigrate.Tests.Cli;

public sealed class SaveVerbTests
{
    [Fact]
    public void Defaults_EndTheTreeAndTakeTheChildren()
    {
        var options = Read("4711");
        Assert.Equal([4711], options.Pids);
        Assert.Null(options.OutputPath);
        Assert.Equal(AfterSave.End, options.After);
        Assert.Equal(SaveMethod.Auto, options.Method);
        Assert.True(options.Children);
        Assert.False(options.Force);
    }

    [Fact]
    public void EveryOption_ReachesTheEngine()
    {
        var options = Read("1", "2", "-o", "x.pmi", "--leave-stopped", "--no-children", "--method", "stop", "--force");
        Assert.Equal([1, 2], options.Pids);
        Assert.Equal("x.pmi", options.OutputPath);
        Assert.Equal(AfterSave.LeaveStopped, options.After);
        Assert.Equal(SaveMethod.Stop, options.Method);
        Assert.False(options.Children);
        Assert.True(options.Force);
    }

    [Fact]
    public void LeaveRunning_LeavesItRunning() => Assert.Equal(AfterSave.LeaveRunning, Read("1", "--leave-running").After);

    [Theory]
    [InlineData("save")]
    [InlineData("save", "abc")]
    [InlineData("save", "0")]
    [InlineData("save", "-1")]
    [InlineData("save", "4711x")]
    [InlineData("save", "99999999999")]
    [InlineData("save", "1", "--leave-running", "--leave-stopped")]
    [InlineData("save", "1", "--method", "magic")]
    [InlineData("save", "1", "--compress", "auto")]
    [InlineData("save", "1", "--output")]
    public void WrongCommandLine_IsUsage(params string[] arguments)
    {
        var cli = new CliHarness();
        Assert.Equal(2, cli.Run(arguments));
        Assert.Empty(cli.Output);
        Assert.Contains("procmigrate save --help", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Result_HasTheContractsShape()
    {
        var cli = new CliHarness { OnSave = _ => Samples.Saved };
        Assert.Equal(0, cli.Run("save", "4711", "--json"));
        Assert.Equal(
            """{"event":"result","verb":"save","pid":4711,"processes":[{"pid":4711,"name":"sim","threads":5}]"""
            + ""","image":{"path":"/tmp/sim.pmi","id":"11112222-3333-4444-5555-666677778888","bytes":4096}"""
            + ""","timings":{"freezeMs":61.5,"totalMs":90},"memoryBytes":2048,"warnings":[]}""",
            Assert.Single(cli.OutputLines));
        Assert.Empty(cli.Error);
    }

    [Fact]
    public void Text_SaysWhatAndWhereAndHowLong()
    {
        var cli = new CliHarness { OnSave = _ => Samples.Saved with { Warnings = ["clock differs"] } };
        Assert.Equal(0, cli.Run("save", "4711"));
        Assert.Equal(
            "sim (pid 4711) is saved: /tmp/sim.pmi\n"
            + "  image 4.0 KiB, 1 process, 5 threads, memory 2.0 KiB, frozen for 62 ms, 90 ms in all\n",
            cli.Output);
        Assert.Equal("procmigrate: warning: clock differs\n", cli.Error);
    }

    [Fact]
    public void Progress_ComesAtMostTenTimesASecondAndBeforeTheResult()
    {
        var cli = new CliHarness { OnSave = _ => Samples.Saved };
        for (var done = 0; done < 1000; done++)
            cli.ProgressToTell.Add(new("memory", done, 1000));
        Assert.Equal(0, cli.Run("save", "4711", "--json"));

        var events = cli.OutputLines.Select(line => JsonDocument.Parse(line).RootElement.GetProperty("event").GetString()).ToArray();
        Assert.Equal("result", events[^1]);
        Assert.All(events[..^1], name => Assert.Equal("progress", name));
        Assert.Equal("""{"event":"progress","verb":"save","phase":"memory","done":0,"total":1000}""", cli.OutputLines[0]);
        Assert.True(events.Length < 1000, $"{events.Length} lines");
    }

    [Theory]
    [InlineData("null", "null")]
    [InlineData("inherit", null)]
    [InlineData("/tmp/log", "/tmp/log")]
    public void Terminal_IsForTheRestore(string said, string? saved) => Assert.Equal(saved, Read("1", "--terminal", said).Terminal);

    private static SaveOptions Read(params string[] arguments)
    {
        var verb = new SaveVerb();
        var line = verb.Command.Parse(arguments);
        Assert.Empty(line.Errors);
        return verb.ReadOptions(line, line.GetRequiredValue((System.CommandLine.Argument<int[]>)verb.Command.Arguments[0]));
    }
}
