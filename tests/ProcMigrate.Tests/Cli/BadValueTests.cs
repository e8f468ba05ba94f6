using System.CommandLine;
using ProcMigrate.Cli.Hosting;
using Xunit;

namespace ProcMigrate.Tests.Cli;

/// <summary>
/// Every option and argument of every verb, found in the parser's own tree, with values that are none for it: an error of usage that
/// names it, exit code 2, and nothing is done. A new option is tested without a line here.
/// </summary>
public sealed class BadValueTests
{
    private static readonly string[] Numbers = ["abc", "-1", "0", "1.5", "1e3", "0x10", "+1", " 1", "99999999999999999999", "١"];

    private static readonly CommandLine Parser = Make();

    /// <summary>What each verb demands, so that the bad value is the only thing wrong.</summary>
    private static readonly Dictionary<string, string[]> Demanded = new()
    {
        ["save"] = ["1"],
        ["restore"] = ["x"],
        ["inspect"] = ["x"],
        ["check"] = ["x"],
        ["send"] = ["x", "n2"],
        ["migrate"] = ["1", "n2"],
        ["export"] = ["x", "--core", "y"],
        ["receive"] = [],
        ["doctor"] = [],
    };

    public static TheoryData<string, string, string> OptionValues => [.. All().SelectMany(
        found => BadValues(found.Option).Select(value => (found.Verb, found.Option.Name, value)))];

    public static TheoryData<string, string, string> ArgumentValues => [.. Parser.Root.Subcommands.SelectMany(
        verb => verb.Arguments.SelectMany(argument => BadValues(argument.ValueType, "").Select(value => (verb.Name, argument.Name, value))))];

    [Theory]
    [MemberData(nameof(OptionValues))]
    public void OptionWithABadValue_IsAUsageError(string verb, string option, string value)
    {
        string[] behind = option is "--settle" ? [] : Demanded[verb];
        AssertUsage(verb, [.. behind, option, value]);
        AssertUsage(verb, [option, value, .. behind]);
        if (value.Length > 0)
            AssertUsage(verb, [.. behind, $"{option}={value}"]);
    }

    /// <summary>Its last word is the option.</summary>
    [Fact]
    public void OptionWithoutItsValue_IsAUsageError()
    {
        foreach ((string verb, Option option) in All().Where(found => found.Option.Arity.MinimumNumberOfValues > 0))
        {
            string[] before = Demanded[verb].Contains(option.Name) ? ["x"] : Demanded[verb];
            AssertUsage(verb, [.. before, option.Name]);
            AssertUsage(verb, [.. before, option.Name + "="]);
        }
    }

    [Theory]
    [MemberData(nameof(ArgumentValues))]
    public void ArgumentWithABadValue_IsAUsageError(string verb, string argument, string value)
    {
        var arguments = Parser.Root.Subcommands.Single(command => command.Name == verb).Arguments;
        string[] words = [.. arguments.Select(other => other.Name == argument ? value : Number(other.ValueType) ? "1" : "x")];
        AssertUsage(verb, ["--", .. words]);
    }

    [Fact]
    public void TheTree_IsWalked()
    {
        Assert.Equal(Demanded.Keys.Order(), Parser.Root.Subcommands.Select(verb => verb.Name).Order());
        Assert.Contains(("send", "--port", "abc"), OptionValues.Select(row => row.Data));
        Assert.Contains(("migrate", "PID", "abc"), ArgumentValues.Select(row => row.Data));
        Assert.Contains(("save", "--tcp", "no such word"), OptionValues.Select(row => row.Data));
    }

    private static CommandLine Make()
    {
        var harness = new CliHarness();
        return new CommandLine(harness, harness, new Terminal(TextWriter.Null, TextWriter.Null, animates: false));
    }

    private static IEnumerable<(string Verb, Option Option)> All() => Parser.Root.Subcommands.SelectMany(
        verb => verb.Options.Where(option => option.ValueType != typeof(bool) && !option.Name.StartsWith("--help", StringComparison.Ordinal))
            .Select(option => (verb.Name, option)));

    private static IEnumerable<string> BadValues(Option option) => BadValues(option.ValueType, option.HelpName ?? "");

    private static IEnumerable<string> BadValues(Type type, string helpName)
    {
        if (Number(type))
            return [.. Numbers, ""];
        // Words to choose from, unless one of them stands for any path.
        string[] words = helpName.Split('|');
        return words.Length > 1 && !words.Contains("PATH") || helpName is "OLD=NEW" or "ID" ? ["no such word", ""] : [""];
    }

    private static bool Number(Type type) => type == typeof(int) || type == typeof(int?) || type == typeof(int[]);

    private static void AssertUsage(string verb, string[] words)
    {
        foreach (string[] mode in (string[][])[[], ["--json"]])
        {
            var cli = new CliHarness();
            int code = cli.Run([verb, .. mode, .. words]);
            Assert.True(code == 2, $"{verb} {string.Join(' ', words)}: exit code {code}: {cli.Output}{cli.Error}");
            Assert.DoesNotContain("Unexpected", cli.Output + cli.Error, StringComparison.Ordinal);
        }
    }
}
