using System.CommandLine;
using System.CommandLine.Parsing;

namespace ProcMigrate.Cli.Verbs;

/// <summary>Rules of a command line: what is wrong becomes an error of usage, in words, and nothing else.</summary>
internal static class CommandRules
{
    /// <summary>
    /// A rule about several options at once. It may ask for a value that could not be read, which the parser answers with an exception; that
    /// exception's text is the parser's error about the value.
    /// </summary>
    public static void AddRule(this Command command, Action<CommandResult> rule) => command.Validators.Add(result =>
    {
        try
        {
            rule(result);
        }
        catch (InvalidOperationException unreadable)
        {
            result.AddError(unreadable.Message);
        }
    });

    /// <summary>
    /// No file, folder, host or name is called "": most often a variable of a script was not set. Before all other rules, and of the command
    /// rather than of each value: a value that another rule has asked for is not looked at again.
    /// </summary>
    public static void RefuseEmptyValues(this Command command) => command.Validators.Insert(0, result =>
    {
        foreach (var child in result.Children.Where(child => child.Tokens.Any(token => token.Value.Length == 0)))
            result.AddError($"{Name(child)} is given an empty value.");
    });

    private static string Name(SymbolResult result) => result switch
    {
        OptionResult option => option.Option.Name,
        ArgumentResult argument => argument.Argument.Name,
        _ => "the command line",
    };
}
