using ProcMigrate.Cli.Output;
using ProcMigrate.Engine.Contracts;

namespace ProcMigrate.Tests.Cli;

/// <summary>Nothing that others have named acts on the terminal of whoever reads it.</summary>
public sealed class PlainTextTests
{
    private const string Hostile = "a\e]0;title\a\rb\nc\td\u009b31m\u007f\u202ee\u2066\u2028f\ufeff";
    private const string Shown = "a\\x1b]0;title\\x07\\rb\\nc\\td\\x9b31m\\x7f\\u202ee\\u2066\\u2028f\\ufeff";

    [Fact]
    public void WhatActs_IsShown() => Assert.Equal(Shown, PlainTextWriter.Plain(Hostile));

    [Theory]
    [InlineData("")]
    [InlineData("caf\u00e9 \u65e5\u672c\u8a9e \ud83d\udc69\u200d\ud83d\udcbb \\n %s")]
    public void WhatIsText_Stays(string text) => Assert.Equal(text, PlainTextWriter.Plain(text));

    [Fact]
    public void EveryWayOfWriting_GoesThroughIt()
    {
        using var target = new StringWriter();
        using var writer = new PlainTextWriter(target);
        writer.Write(Hostile);
        writer.Write('\e');
        writer.Write(Hostile.ToCharArray());
        writer.Write(Hostile.AsSpan());
        writer.Write("{0}", Hostile);
        writer.WriteLine(Hostile);
        writer.WriteLine(Hostile.ToCharArray());
        writer.WriteLine(Hostile.AsSpan());
        writer.WriteLine("{0}", Hostile);
        writer.WriteLine((object)Hostile);
        writer.WriteLine();
        Assert.DoesNotContain(target.ToString(), c => char.IsControl(c) && c != '\n');
        Assert.Equal(6, target.ToString().Count(c => c == '\n'));
    }

    /// <summary>Warnings, errors with their host, blockers: of an engine, or of a far side, that says anything.</summary>
    [Fact]
    public void ErrorsAndBlockers_ActOnNothing()
    {
        var harness = new CliHarness
        {
            OnCheckImage = _ => throw new EngineException(
                [new Blocker(Hostile, 1, 2, Hostile, Hostile, Hostile)], Hostile),
        };
        Assert.Equal(3, harness.Run("check", "/none\e[2J"));
        Assert.Contains(Shown, harness.Error, StringComparison.Ordinal);
        Assert.DoesNotContain(harness.Output + harness.Error, c => char.IsControl(c) && c != '\n');
    }

    [Fact]
    public void FarSide_ThatSaysAnything_ActsOnNothing()
    {
        var harness = new CliHarness
        {
            OnRun = (_, _, _) =>
            {
                string line = EventLine.Write(new ErrorEvent(Hostile, Hostile, [], 1) { Host = Hostile });
                return new("n2", 1, line);
            },
        };
        harness.Run("inspect", "x", "--host", "n2");
        Assert.DoesNotContain(harness.Output + harness.Error, c => char.IsControl(c) && c != '\n');
    }
}
