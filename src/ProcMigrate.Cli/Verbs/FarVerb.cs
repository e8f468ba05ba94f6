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
    public static VerbResult Run(SshTarget target, ParseResult line, HostOptions spent, VerbContext context)
    {
        var outcome = context.Hosts.Run(target, Arguments(line, spent), text => OnLine(text, context), context.Cancel);
        return EventLine.TryRead(outcome.FinalLine) switch
        {
            VerbResult result => result with { Host = outcome.Host },
            ErrorEvent error => throw new FarSideException(error with { Host = error.Host ?? outcome.Host }),
            _ => throw new RemoteException(
                RemoteFailure.ProtocolError, outcome.Host, $"{outcome.Host} answered with something that is no result: {outcome.FinalLine}"),
        };
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

    private static void OnLine(string text, VerbContext context)
    {
        if (EventLine.TryRead(text) is ProgressEvent progress)
            context.Progress(new EngineProgress(progress.Phase, progress.Done, progress.Total));
    }
}
