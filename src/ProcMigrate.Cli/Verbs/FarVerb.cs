using System.CommandLine;
using System.CommandLine.Parsing;
using ProcMigrate.Cli.Hosting;
using ProcMigrate.Cli.Output;
using ProcMigrate.Engine.Contracts;
using ProcMigrate.Remote;

namespace ProcMigrate.Cli.Verbs;

/// <summary>Runs the verb of this command line on another host and hands its answer on as if it had happened here.</summary>
internal static class FarVerb
{
    private const string ProgressStart = "{\"event\":\"progress\"";

    /// <param name="exitCode">What a result means.</param>
    public static VerbOutcome Run(SshTarget target, ParseResult line, HostOptions spent, VerbContext context, Func<VerbResult, int> exitCode)
    {
        var verb = line.CommandResult.Command.Name;
        var outcome = context.Hosts.Run(target, Arguments(line, spent), text => OnLine(text, verb, context), context.Cancel);
        switch (FarEvent.TryRead(outcome.FinalLine))
        {
            case VerbResult result when result.Verb == verb && exitCode(result) is var code:
                return code == outcome.ExitCode
                    ? new(result with { Host = outcome.Host }, code)
                    : throw FarEvent.Wrong(outcome.Host, $"with exit code {outcome.ExitCode}, where {code} goes with its result", outcome.FinalLine);
            case ErrorEvent error:
                throw FarEvent.Error(error, outcome.Host);
            default:
                throw FarEvent.Wrong(outcome.Host, "with something that is no result of this verb", outcome.FinalLine);
        }
    }

    /// <summary>
    /// The verb as it is to be run there: everything given here but what leads there. Options come first and arguments after --,
    /// so that a file called -x stays a file.
    /// </summary>
    internal static IReadOnlyList<string> Arguments(ParseResult line, HostOptions spent)
    {
        var arguments = new List<string> { line.CommandResult.Command.Name };
        arguments.AddRange(GivenOptions.Words(line, option => option != CommonOptions.Json && !spent.Owns(option)));
        arguments.Add("--");
        foreach (var argument in line.CommandResult.Children.OfType<ArgumentResult>())
            arguments.AddRange(argument.Tokens.Select(token => token.Value));
        return arguments;
    }

    private static void OnLine(string text, string verb, VerbContext context)
    {
        if (text.StartsWith(ProgressStart, StringComparison.Ordinal) && FarEvent.TryRead(text) is ProgressEvent progress && progress.Verb == verb)
            context.Progress(new EngineProgress(progress.Phase, progress.Done, progress.Total));
    }
}
