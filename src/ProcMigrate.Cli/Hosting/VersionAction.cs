using System.CommandLine;
using System.CommandLine.Invocation;

namespace ProcMigrate.Cli.Hosting;

/// <summary><c>--version</c>.</summary>
internal sealed class VersionAction(Terminal terminal) : SynchronousCommandLineAction
{
    public override int Invoke(ParseResult parseResult)
    {
        terminal.Output.WriteLine($"procmigrate {CommandLine.Version}");
        return 0;
    }
}
