using System.Text;
using ProcMigrate.Cli.Output;
using ProcMigrate.Cli.Verbs;

namespace ProcMigrate.Cli.Hosting;

/// <summary>stdout and stderr, and what they can show.</summary>
internal sealed class Terminal(TextWriter output, TextWriter error, bool animates)
{
    /// <summary>Set to 1, an error comes with the exception's stack trace on stderr.</summary>
    private const string DebugVariable = "PROCMIGRATE_DEBUG";

    public TextWriter Output { get; } = output;

    public TextWriter Error { get; } = error;

    public bool ShowsStackTraces { get; } = Environment.GetEnvironmentVariable(DebugVariable) == "1";

    public static Terminal FromConsole()
    {
        var dumb = Environment.GetEnvironmentVariable("TERM") is null or "" or "dumb";
        return new Terminal(
            Writer(new OutputStream(1, "stdout")), Writer(new OutputStream(2, "stderr")), animates: !Console.IsErrorRedirected && !dumb);
    }

    public IReporter CreateReporter(Verb? verb, bool json)
    {
        if (verb is { SpeaksOnStandardOutput: true })
            return new TextReporter(new PlainTextWriter(Error), new PlainTextWriter(Error), new NoProgressDisplay());
        if (json)
            return new JsonReporter(verb?.Name ?? "", Output, TimeProvider.System);
        return new TextReporter(new PlainTextWriter(Output), new PlainTextWriter(Error), animates ? CreateProgressBar() : new NoProgressDisplay());
    }

    private static StreamWriter Writer(OutputStream stream) => new(stream, new UTF8Encoding(false)) { AutoFlush = true };

    private ProgressBar CreateProgressBar() => new(Error, TerminalSize.Columns, TimeProvider.System);
}
