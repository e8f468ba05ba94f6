using System.CommandLine;
using System.CommandLine.Help;
using System.Reflection;
using ProcMigrate.Cli.Output;
using ProcMigrate.Cli.Verbs;
using ProcMigrate.Engine.Contracts;
using ProcMigrate.Linux;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Cli.Hosting;

/// <summary>The whole command line: parses it, runs the verb, and turns whatever happens into words and an exit code.</summary>
internal sealed class CommandLine
{
    private readonly IEngine engine;
    private readonly IHosts hosts;
    private readonly Terminal terminal;
    private readonly Verb[] verbs =
    [
        new SaveVerb(), new RestoreVerb(), new InspectVerb(), new CheckVerb(), new SendVerb(), new MigrateVerb(), new ReceiveVerb(), new ExportVerb(),
        new DoctorVerb(),
    ];

    public CommandLine(IEngine engine, IHosts hosts, Terminal terminal)
    {
        (this.engine, this.hosts, this.terminal) = (engine, hosts, terminal);
        Root = new RootCommand("Saves a running process tree into one file and continues it, here or on another host.");
        Root.Options.OfType<VersionOption>().Single().Action = new VersionAction(terminal);
        Root.Add(CommonOptions.Json);
        foreach (var verb in verbs)
        {
            verb.Command.RefuseEmptyValues();
            Root.Add(verb.Command);
        }
    }

    internal RootCommand Root { get; }

    public static string Version { get; } =
        typeof(CommandLine).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "";

    public int Run(IReadOnlyList<string> arguments)
    {
        try
        {
            return RunVerb(arguments);
        }
        catch (IOException mute)
        {
            // Stdout is full or its reader is gone. Where stderr is too, the exit code has to say it all.
            TrySayOnError($"procmigrate: {mute.Message}");
            return (int)FailureClass.Failed;
        }
    }

    private void TrySayOnError(string text)
    {
        try
        {
            terminal.Error.WriteLine(PlainTextWriter.Plain(text));
        }
        catch (IOException)
        {
        }
    }

    private int RunVerb(IReadOnlyList<string> arguments)
    {
        var line = Parse(arguments);
        var verb = verbs.SingleOrDefault(candidate => candidate.Command == line.CommandResult.Command);
        if (line.Action is HelpAction or VersionAction && line.Errors.Count == 0)
            return line.Invoke(new InvocationConfiguration { Output = terminal.Output, Error = terminal.Error, EnableDefaultExceptionHandler = false });
        using var reporter = terminal.CreateReporter(verb, arguments.Contains(CommonOptions.Json.Name));
        if (line.Errors.Count > 0 || verb is null)
        {
            reporter.Error(UsageError(line, verb));
            return (int)FailureClass.Usage;
        }

        return Execute(verb, line, reporter);
    }

    /// <summary>No response files: an image may be called <c>@home.pmi</c>.</summary>
    internal ParseResult Parse(IReadOnlyList<string> arguments) =>
        Root.Parse(arguments, new ParserConfiguration { ResponseFileTokenReplacer = null });

    private int Execute(Verb verb, ParseResult line, IReporter reporter)
    {
        using var interruption = new Interruption();
        if (verb.HasNothingToUndo(line))
            interruption.LeaveIfStuck(() => Leave(reporter, interruption));
        try
        {
            var outcome = verb.Execute(line, new VerbContext(engine, hosts, reporter.Progress, interruption.Token)
            {
                LetSignalsPass = interruption.LetSignalsPass,
            });
            AwaitTurn(interruption);
            if (outcome.Result is { } result)
                reporter.Result(result, verb);
            return outcome.ExitCode;
        }
#pragma warning disable CA1031 // The last stop of every exception: it ends in words and an exit code.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            AwaitTurn(interruption);
            var error = verb.Reword(Failure.Describe(failure, interruption.ExitCode), line);
            reporter.Error(error);
            if (terminal.ShowsStackTraces)
            {
                foreach (var traced in failure.ToString().Split('\n'))
                    terminal.Error.WriteLine(PlainTextWriter.Plain(traced));
            }
            return error.ExitCode;
        }
    }

    /// <summary>Does not return where the process is ending already.</summary>
    private static void AwaitTurn(Interruption interruption)
    {
        if (!interruption.Tells(leaving: false))
            Thread.Sleep(Timeout.Infinite);
    }

    private static void Leave(IReporter reporter, Interruption interruption)
    {
        if (!interruption.Tells(leaving: true))
            return;
        int exitCode = interruption.ExitCode;
        reporter.Error(Failure.Describe(new OperationCanceledException(), exitCode));
        // Not Environment.Exit, which would wait for what hangs.
        RawSyscall.Call(SyscallNumber.exit_group, "this process", exitCode);
    }

    private static ErrorEvent UsageError(ParseResult line, Verb? verb)
    {
        if (verb is null)
        {
            var first = line.UnmatchedTokens.FirstOrDefault(token => !token.StartsWith('-'));
            var reason = first is null ? "Which verb?" : $"'{first}' is no verb.";
            return Usage($"{reason} See procmigrate --help.");
        }

        return Usage($"{string.Join(" ", line.Errors.Select(error => error.Message).Distinct())} See procmigrate {verb.Name} --help.");

        static ErrorEvent Usage(string message) => new("Usage", message, [], (int)FailureClass.Usage);
    }
}
