using System.CommandLine;
using System.CommandLine.Parsing;

namespace ProcMigrate.Cli.Verbs;

/// <summary>Options as they were given on this command line, in the words of another.</summary>
internal static class GivenOptions
{
    public static IEnumerable<string> Words(ParseResult line, Predicate<Option> wanted)
    {
        foreach (var option in line.CommandResult.Children.OfType<OptionResult>().Where(o => !o.Implicit && wanted(o.Option)))
        {
            if (option.Tokens.Count == 0)
                yield return option.Option.Name;
            // The name before each value: of an option that may be given several times, a second value would be an argument.
            foreach (var token in option.Tokens)
            {
                yield return option.Option.Name;
                yield return token.Value;
            }
        }
    }
}
