using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using ProcMigrate.PowerShell.Running;

namespace ProcMigrate.HelpBuilder;

/// <summary>Every id that the binary reports, out of the tables of docs/, with the category that the cmdlets give it.</summary>
internal static partial class ErrorTable
{
    private const int Failed = 1;
    private const int Refused = 3;
    private const int HostFailed = 5;

    public static IReadOnlyList<(string Id, string Category, string Meaning)> Read(string docs)
    {
        var ids = new SortedDictionary<string, (string, string, string)>(StringComparer.Ordinal);
        Add("limits.md", Refused);
        Add("json.md", Failed);
        Add("remote.md", HostFailed);
        return [.. ids.Values];

        void Add(string file, int usual)
        {
            var path = Path.Combine(docs, file);
            if (!File.Exists(path))
                throw new HelpException(path, "there is no such page: the ids of errors are read from it");
            foreach (var line in File.ReadLines(path).Where(line => line.StartsWith("| `", StringComparison.Ordinal)))
            {
                string[] cells = [.. line.Trim().Trim('|').Split('|').Select(cell => cell.Trim())];
                if (cells.Length < 2)
                    throw new HelpException(path, $"the row of {cells[0]} says nothing of it: a second column must");
                foreach (Match id in Id().Matches(cells[0]))
                {
                    var name = id.Groups[1].Value;
                    // Names of events stand in such a table, too.
                    if (char.IsUpper(name[0]))
                        ids.TryAdd(name, (name, ErrorCatalog.KindOf(name, ExitCode(cells, usual)).ToString(), ParameterWords.Of(MarkdownText.Plain(cells[^1] == cells[1] ? cells[1] : string.Join("; ", new[] { Meaning(cells), cells[^1] }.Where(cell => cell.Length > 0))))));
                }
            }
        }
    }

    public static string ToMarkdown(IEnumerable<(string Id, string Category, string Meaning)> ids)
    {
        var table = new StringBuilder("## Ids of the binary\n\n| id | category | meaning |\n| --- | --- | --- |\n");
        foreach (var (id, category, meaning) in ids)
            table.Append(CultureInfo.InvariantCulture, $"| `{id}` | {category} | {meaning} |\n");
        return table.ToString();
    }

    /// <summary>A table of errors has its exit codes in the second column, the others name what differs in words.</summary>
    private static int ExitCode(string[] cells, int usual)
    {
        var (column, words) = (Digits().Match(cells[1]), InWords().Match(string.Join(' ', cells)));
        return column.Success ? Number(column) : words.Success ? Number(words) : usual;
    }

    private static string Meaning(string[] cells) => Digits().IsMatch(cells[1]) ? "" : cells[1];

    private static int Number(Match match) => int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture);

    [GeneratedRegex(@"`(\w+)`")]
    private static partial Regex Id();

    [GeneratedRegex(@"^(\d)(, \d)*$")]
    private static partial Regex Digits();

    [GeneratedRegex(@"exit code (\d)")]
    private static partial Regex InWords();
}
