using System.CommandLine;
using System.CommandLine.Parsing;
using ProcMigrate.Engine.Contracts;

namespace ProcMigrate.Cli.Verbs;

/// <summary>The options of the verb restore, for a verb that ends in a restore, or asks about one, perhaps on another host.</summary>
internal sealed class RestoreOptionsOnTheWay
{
    private readonly RestoreVerb restore = new();
    private readonly List<Option> options = [];

    /// <param name="without">Options of restore that have no meaning there.</param>
    public void AddTo(Command command, params string[] without)
    {
        foreach (var option in restore.Command.Options.Where(option => !without.Contains(option.Name)))
        {
            command.Add(option);
            options.Add(option);
        }
    }

    /// <summary>The first of them that was given.</summary>
    public Option? Given(CommandResult result) => options.FirstOrDefault(option => result.GetResult(option) is { Implicit: false });

    /// <summary>The option was given with this very value.</summary>
    public bool IsGiven(CommandResult result, string name, string value) =>
        options.Any(option => option.Name == name && result.GetResult(option)?.Tokens is [{ Value: var given }] && given == value);

    public RestoreOptions Read(ParseResult line, string image) => restore.ReadOptions(line, image);

    /// <summary>As they were given here, for the verb over there; a program on another host has no terminal here.</summary>
    public List<string> Arguments(ParseResult line)
    {
        List<string> arguments = [.. GivenOptions.Words(line, options.Contains)];
        if (!options.Any(option => option.Name == "--stdio" && line.GetResult(option) is { Implicit: false }))
            arguments.AddRange(["--stdio", "null"]);
        return arguments;
    }
}
