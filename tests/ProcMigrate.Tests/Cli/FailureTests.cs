using System.Text.Json;
using ProcMigrate.Engine.Contracts;
using ProcMigrate.Image;
using ProcMigrate.Linux;
using ProcMigrate.Remote;
using Xunit;

namespace ProcMigrate.Tests.Cli;

public sealed class FailureTests
{
    public static TheoryData<Exception, string, int> Failures => new()
    {
        { new EngineException("NoSuchProcess", FailureClass.Failed, "no pid 1"), "NoSuchProcess", 1 },
        { new EngineException("PrivilegeMissing", FailureClass.PrivilegeMissing, "sudo"), "PrivilegeMissing", 6 },
        { new EngineException([Samples.Blocker], "1 blocker"), "Blocked", 3 },
        { new ImageException(ImageError.Damaged, "x", "bad"), "ImageDamaged", 4 },
        { new ImageException(ImageError.UnknownVersion, "x", "new"), "ImageUnknownVersion", 4 },
        { new ImageException(ImageError.NotAnImage, "x", "text"), "NotAnImage", 4 },
        { new ImageException(ImageError.NotFound, "x", "gone"), "ImageNotFound", 1 },
        { new ImageException(ImageError.NoSpace, "x", "full"), "ImageNoSpace", 1 },
        { new ImageException(ImageError.CannotRead, "x", "not yours") { Errno = Errno.EACCES }, "ImageCannotRead", 6 },
        { new RemoteException(RemoteFailure.UnknownHost, "h", "who?"), "UnknownHost", 5 },
        { new RemoteException(RemoteFailure.ImageRejected, "h", "bad"), "ImageRejected", 4 },
        { new OperationCanceledException(), "Interrupted", 130 },
        { new IOException("broken"), "InputOutput", 1 },
        { new InvalidOperationException("hm"), "Unexpected", 1 },
    };

    [Theory]
    [MemberData(nameof(Failures))]
    public void EveryFailure_HasItsIdAndExitCode(Exception failure, string id, int exitCode)
    {
        var cli = new CliHarness { OnSave = _ => throw failure };
        Assert.Equal(exitCode, cli.Run("save", "1", "--json"));
        var error = JsonDocument.Parse(Assert.Single(cli.OutputLines)).RootElement;
        Assert.Equal("error", error.GetProperty("event").GetString());
        Assert.Equal(id, error.GetProperty("id").GetString());
        Assert.Equal(exitCode, error.GetProperty("exitCode").GetInt32());

        cli = new CliHarness { OnSave = _ => throw failure };
        Assert.Equal(exitCode, cli.Run("save", "1"));
        Assert.Empty(cli.Output);
        Assert.StartsWith("procmigrate: ", cli.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", cli.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void Unexpected_NamesTheType()
    {
        var cli = new CliHarness { OnSave = _ => throw new InvalidOperationException("hm") };
        cli.Run("save", "1");
        Assert.Equal("procmigrate: unexpected InvalidOperationException: hm\n", cli.Error);
    }

    [Fact]
    public void Blockers_AreAllInTheError()
    {
        var cli = new CliHarness { OnSave = _ => throw new EngineException([Samples.Blocker, Samples.Blocker with { Fd = null }], "2 blockers") };
        Assert.Equal(3, cli.Run("save", "1", "--json"));
        Assert.Equal(
            """{"event":"error","id":"Blocked","message":"2 blockers","blockers":["""
            + """{"id":"NetworkConnection","pid":4711,"fd":7,"what":"tcp 10.0.0.1:22","why":"the peer would see it break","remedy":"close it"},"""
            + """{"id":"NetworkConnection","pid":4711,"what":"tcp 10.0.0.1:22","why":"the peer would see it break","remedy":"close it"}],"exitCode":3}""",
            Assert.Single(cli.OutputLines));
    }

    [Theory]
    [InlineData("--json")]
    [InlineData("bogus", "--json")]
    [InlineData("save", "--json")]
    public void UsageError_IsJsonWhereAskedFor(params string[] arguments)
    {
        var cli = new CliHarness();
        Assert.Equal(2, cli.Run(arguments));
        var error = JsonDocument.Parse(Assert.Single(cli.OutputLines)).RootElement;
        Assert.Equal("Usage", error.GetProperty("id").GetString());
        Assert.Empty(cli.Error);
    }

    [Fact]
    public void UnknownVerb_IsNamed()
    {
        var cli = new CliHarness();
        Assert.Equal(2, cli.Run("bogus"));
        Assert.Equal("procmigrate: 'bogus' is no verb. See procmigrate --help.\n", cli.Error);
    }
}
