using ProcMigrate.Cli.Output;

namespace ProcMigrate.Cli.Hosting;

/// <summary>The verb failed on the other host; its own words and exit code are passed on.</summary>
internal sealed class FarSideException(ErrorEvent error) : Exception(error.Message)
{
    public ErrorEvent Error { get; } = error;
}
