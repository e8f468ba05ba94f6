using System.Text.Json;
using ProcMigrate.Engine.Contracts;
using ProcMigrate.Remote;
using Xunit;

namespace ProcMigrate.Tests.Cli;

public sealed class OtherVerbsTests
{
    [Theory]
    [InlineData("--version", "procmigrate ")]
    [InlineData("--help", "Description:")]
    public void RootOptions_Answer(string option, string start)
    {
        var cli = new CliHarness();
        Assert.Equal(0, cli.Run(option));
        Assert.StartsWith(start, cli.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("save")]
    [InlineData("restore")]
    [InlineData("inspect")]
    [InlineData("check")]
    [InlineData("send")]
    [InlineData("receive")]
    [InlineData("export")]
    [InlineData("doctor")]
    public void EveryVerb_HasHelp(string verb)
    {
        var cli = new CliHarness();
        Assert.Equal(0, cli.Run(verb, "--help"));
        Assert.Contains($"procmigrate {verb}", cli.Output.Replace("ProcMigrate.Tests", "procmigrate", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("inspect")]
    [InlineData("check")]
    [InlineData("send", "x")]
    [InlineData("receive", "x")]
    [InlineData("export", "x")]
    [InlineData("export", "x", "--pid", "1", "--json")]
    [InlineData("export", "x", "--core", "y", "--pid", "root")]
    [InlineData("doctor", "x")]
    [InlineData("check", "12", "--tcp", "keep")]
    [InlineData("check", "12", "--map", "/a=/b")]
    [InlineData("check", "x.pmi", "--map", "a=b")]
    public void WrongCommandLine_IsUsage(params string[] arguments) => Assert.Equal(2, new CliHarness().Run(arguments));

    [Fact]
    public void CheckOfAPid_TellsBlockersAsAResultAndExitsWithThree()
    {
        var cli = new CliHarness { OnCheckProcess = (pid, children) => pid == 12 && !children ? [Samples.Blocker] : [] };
        Assert.Equal(3, cli.Run("check", "12", "--no-children", "--json"));
        var result = JsonDocument.Parse(Assert.Single(cli.OutputLines)).RootElement;
        Assert.Equal("result", result.GetProperty("event").GetString());
        Assert.Equal("NetworkConnection", result.GetProperty("blockers")[0].GetProperty("id").GetString());

        cli = new CliHarness { OnCheckProcess = (_, _) => [Samples.Blocker] };
        Assert.Equal(3, cli.Run("check", "12"));
        Assert.StartsWith("pid 12 cannot be saved: 1 blocker\n  1. NetworkConnection (pid 4711, fd 7)", cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void CheckWithoutBlockers_IsGood()
    {
        var cli = new CliHarness();
        Assert.Equal(0, cli.Run("check", "12"));
        Assert.Equal("pid 12 can be saved: nothing stands in the way\n", cli.Output);
    }

    [Theory]
    [InlineData("inspect", "/nonexistent.pmi")]
    [InlineData("check", "/nonexistent.pmi")]
    [InlineData("send", "/nonexistent.pmi", "n2")]
    [InlineData("export", "/nonexistent.pmi", "--json")]
    public void MissingImage_IsNamed(params string[] arguments)
    {
        var cli = new CliHarness();
        Assert.Equal(1, cli.Run(arguments));
        Assert.Contains("/nonexistent.pmi", cli.Error + cli.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Doctor_FailsOnlyWhereSomethingNeededIsMissing()
    {
        DoctorFinding good = new("ptrace", true, true, "works", "");
        DoctorFinding less = new("userfaultfd", false, false, "EPERM", "sysctl vm.unprivileged_userfaultfd=1");
        var cli = new CliHarness { OnDoctor = () => [good, less] };
        Assert.Equal(0, cli.Run("doctor"));
        Assert.Equal(
            "ok       ptrace       works\nwithout  userfaultfd  EPERM\n\nuserfaultfd: sysctl vm.unprivileged_userfaultfd=1\n", cli.Output);

        cli = new CliHarness { OnDoctor = () => [good, less with { Needed = true }] };
        Assert.Equal(1, cli.Run("doctor", "--json"));
        var findings = JsonDocument.Parse(Assert.Single(cli.OutputLines)).RootElement.GetProperty("findings");
        Assert.Equal(2, findings.GetArrayLength());
        Assert.Equal("userfaultfd", findings[1].GetProperty("topic").GetString());
        Assert.False(findings[1].GetProperty("available").GetBoolean());
    }
}
