using System.CommandLine;
using System.Text.Json;
using ProcMigrate.Engine.Contracts;
using Xunit;

namespace ProcMigrate.Tests.Cli;

public sealed class RestoreVerbTests : IDisposable
{
    private readonly string image = Path.GetTempFileName();

    public void Dispose() => File.Delete(image);

    [Fact]
    public void Defaults_InheritStdioAndDoNotWait()
    {
        var options = Given(image);
        Assert.Equal(image, options.ImagePath);
        Assert.Equal(StdioChoice.Inherit, options.Stdio);
        Assert.False(options.Wait || options.LeaveStopped || options.Force);
    }

    [Fact]
    public void EveryOption_ReachesTheEngine()
    {
        var options = Given(image, "--stdio", "/tmp/log", "--wait", "--leave-stopped", "--force");
        Assert.Equal(StdioChoice.Path, options.Stdio);
        Assert.Equal("/tmp/log", options.StdioPath);
        Assert.True(options.Wait && options.LeaveStopped && options.Force);
    }

    [Fact]
    public void Json_KeepsTheProgramOffStdout() => Assert.Equal(StdioChoice.Null, Given(image, "--json").Stdio);

    [Theory]
    [InlineData("restore")]
    [InlineData("restore", "x", "y")]
    [InlineData("restore", "x", "--json", "--stdio", "inherit")]
    [InlineData("restore", "x", "--host", "h", "--stdio", "inherit")]
    [InlineData("restore", "-", "--host", "h")]
    [InlineData("restore", "x", "--user", "u")]
    [InlineData("restore", "x", "--host", "h", "--port", "0")]
    [InlineData("restore", "x", "--host", "h", "--port", "65536")]
    public void WrongCommandLine_IsUsage(params string[] arguments) => Assert.Equal(2, new CliHarness().Run(arguments));

    [Fact]
    public void Wait_EndsWithTheProgramsExitCode_AndLeavesStdoutToIt()
    {
        var cli = new CliHarness { OnRestore = options => Samples.Restored(options.ImagePath, exitCode: 137) };
        Assert.Equal(137, cli.Run("restore", image, "--wait"));
        Assert.Empty(cli.Output);
    }

    [Fact]
    public void Result_HasTheContractsShape()
    {
        var cli = new CliHarness { OnRestore = options => Samples.Restored(options.ImagePath) };
        Assert.Equal(0, cli.Run("restore", image, "--json"));
        var result = JsonDocument.Parse(Assert.Single(cli.OutputLines)).RootElement;
        Assert.Equal("result", result.GetProperty("event").GetString());
        Assert.Equal("restore", result.GetProperty("verb").GetString());
        Assert.Equal(4711, result.GetProperty("pid").GetInt32());
        Assert.Equal(85, result.GetProperty("timings").GetProperty("totalMs").GetDouble());
        Assert.Equal(image, result.GetProperty("image").GetProperty("path").GetString());
        Assert.False(result.TryGetProperty("host", out _));
        Assert.False(result.TryGetProperty("exitCode", out _));
    }

    [Fact]
    public void InterruptedWait_DoesNotClaimToHaveUndoneIt()
    {
        var cli = new CliHarness { OnRestore = _ => throw new OperationCanceledException() };
        Assert.Equal(130, cli.Run("restore", image, "--wait"));
        Assert.Equal("procmigrate: interrupted; a program that was restored already runs on\n", cli.Error);
    }

    private static RestoreOptions Given(params string[] arguments)
    {
        RestoreOptions? given = null;
        var cli = new CliHarness
        {
            OnRestore = options =>
            {
                given = options;
                return Samples.Restored(options.ImagePath);
            },
        };
        Assert.Equal(0, cli.Run(["restore", .. arguments]));
        return Assert.IsType<RestoreOptions>(given);
    }
}
