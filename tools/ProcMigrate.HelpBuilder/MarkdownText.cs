using System.Text.RegularExpressions;

namespace ProcMigrate.HelpBuilder;

/// <summary>Markdown as plain text.</summary>
internal static partial class MarkdownText
{
    /// <summary>Paragraphs; each point of a list is one, and fences keep their lines.</summary>
    public static IReadOnlyList<string> Paragraphs(string markdown)
    {
        var paragraphs = new List<string>();
        var current = new List<string>();
        var fenced = false;
        foreach (var line in markdown.Split('\n'))
        {
            if (line.StartsWith("```", StringComparison.Ordinal))
            {
                Flush();
                fenced = !fenced;
            }
            else if (fenced)
                paragraphs.Add("    " + line);
            else if (line.Trim().Length == 0)
                Flush();
            else
            {
                if (line.StartsWith("* ", StringComparison.Ordinal) || line.StartsWith("- ", StringComparison.Ordinal))
                    Flush();
                current.Add(line.Trim());
            }
        }

        Flush();
        return paragraphs;

        void Flush()
        {
            if (current.Count > 0)
                paragraphs.Add(Plain(string.Join(' ', current)));
            current.Clear();
        }
    }

    public static IReadOnlyList<(string Text, string Uri)> Links(string markdown) =>
        [.. Link().Matches(markdown).Select(match => (match.Groups[1].Value, match.Groups[2].Value))];

    /// <summary>Without the marks of code, emphasis and links.</summary>
    public static string Plain(string text) => Bold().Replace(Link().Replace(text, "$1"), "$1").Replace("`", "", StringComparison.Ordinal);

    [GeneratedRegex(@"\[([^\]]+)\]\(([^)]*)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"\*\*([^*]+)\*\*")]
    private static partial Regex Bold();
}
