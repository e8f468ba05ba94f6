using System.Text.RegularExpressions;
using ProcMigrate.Image;
using ProcMigrate.Remote;
using ProcMigrate.Tests.Linux;

namespace ProcMigrate.Tests.Engine;

/// <summary>
/// Every id of a blocker or error that the product can report stands in docs, and none that it cannot. The ids are read from
/// the sources, where each is a literal: the first argument of a Blocker or of a helper named Block, the element Id of a table's rows,
/// or the string before a FailureClass.
/// </summary>
public partial class DocumentedIdsTests
{
    private static readonly string[] EngineProjects = ["ProcMigrate.Engine"];

    [Fact]
    public void BlockersAndErrorsOfTheEngine_AreInLimits()
    {
        HashSet<string> reported = [];
        foreach ((string path, string text) in Sources.Of(EngineProjects))
        {
            string[] rows = [.. TableIds(text), .. Group(HelperArgument(), text)];
            reported.UnionWith(rows);
            reported.UnionWith(Group(ErrorId(), text));
            foreach (string argument in Group(BlockerArgument(), text))
            {
                if (argument[0] == '"')
                    reported.Add(argument.Trim('"'));
                else
                    Assert.True(rows.Length > 0, $"{path}: the id of 'new Blocker({argument}, …)' is neither a literal, nor from a table, nor passed through Block(…)");
            }
        }
        Assert.True(reported.Count > 50, "the search in the sources finds next to nothing: has their style changed?");
        AssertSame(reported, Documented("docs/limits.md"), "docs/limits.md");
    }

    [Fact]
    public void ErrorsOfHosts_AreInRemote() =>
        Assert.Empty(Enum.GetNames<RemoteFailure>().Except(Documented("docs/remote.md")));

    [Fact]
    public void ErrorsOfImages_AreInJson() =>
        Assert.Empty(Enum.GetNames<ImageError>()
            .Select(e => e == nameof(ImageError.NotAnImage) ? e : "Image" + e)
            .Except(Documented("docs/json.md")));

    private static void AssertSame(IEnumerable<string> reported, IEnumerable<string> documented, string path)
    {
        string[] missing = [.. reported.Except(documented).Order()];
        string[] stale = [.. documented.Except(reported).Order()];
        Assert.True(missing.Length == 0, $"{path} does not name {string.Join(", ", missing)}: add what it is, why, and the remedy");
        Assert.True(stale.Length == 0, $"{path} names {string.Join(", ", stale)}, which nothing reports any more");
    }

    /// <summary>Ids in the first column of a document's tables.</summary>
    private static string[] Documented(string path) =>
        [.. Sources.Read(path).Split('\n')
            .Where(l => l.StartsWith("| `", StringComparison.Ordinal))
            .SelectMany(l => Group(DocumentedId(), l.Split('|')[1]))];

    /// <summary>The element Id of the rows of a table of tuples.</summary>
    private static IEnumerable<string> TableIds(string text)
    {
        Match tuple = TupleWithId().Match(text);
        if (!tuple.Success)
            return [];
        int index = tuple.Groups[1].Value.Split(',').Length - 1;
        return TupleRow().Matches(text)
            .Select(row => row.Groups[1].Value.Split(", ").ElementAtOrDefault(index) ?? "")
            .Where(element => Literal().IsMatch(element))
            .Select(element => element.Trim('"'));
    }

    private static IEnumerable<string> Group(Regex pattern, string text) => pattern.Matches(text).Select(m => m.Groups[1].Value);

    [GeneratedRegex(@"(?:new Blocker|Blocker \w+ = new)\(\s*(""\w+""|\w+)\s*,")]
    private static partial Regex BlockerArgument();

    /// <summary>"Block("Id", …)": a helper that makes the blocker.</summary>
    [GeneratedRegex(@"\bBlock\w*\(\s*(?:\w+,\s*)?""([A-Z]\w+)"",")]
    private static partial Regex HelperArgument();

    [GeneratedRegex(@"""([A-Z]\w+)"",\s*FailureClass\.")]
    private static partial Regex ErrorId();

    /// <summary>"(string Link, string Id, …)[]": what stands before Id tells which element it is.</summary>
    [GeneratedRegex(@"readonly \(((?:\w+ \w+, )*)string Id\b")]
    private static partial Regex TupleWithId();

    [GeneratedRegex(@"^\s+\((.*)\),\r?$", RegexOptions.Multiline)]
    private static partial Regex TupleRow();

    [GeneratedRegex(@"^""[A-Z]\w+""$")]
    private static partial Regex Literal();

    [GeneratedRegex(@"`(\w+)`")]
    private static partial Regex DocumentedId();
}
