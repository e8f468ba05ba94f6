using System.Text;

namespace ProcMigrate.HelpBuilder;

/// <summary>An about topic: Markdown as text of 80 columns, in the form that Get-Help expects.</summary>
internal static class AboutText
{
    private const int Width = 76;
    private const string Indent = "    ";

    public static string From(string name, string markdown)
    {
        var lines = markdown.ReplaceLineEndings("\n").Split('\n');
        var title = lines.FirstOrDefault(line => line.StartsWith("# ", StringComparison.Ordinal))?[2..] ?? name;
        var text = new StringBuilder($"TOPIC\n{Indent}{name}\n\nSHORT DESCRIPTION\n{Indent}{MarkdownText.Plain(title)}\n\nLONG DESCRIPTION\n");
        var paragraph = new List<string>();
        var (fenced, header) = (false, Array.Empty<string>());
        foreach (var line in lines.SkipWhile(line => !line.StartsWith("# ", StringComparison.Ordinal)).Skip(1))
        {
            if (line.StartsWith("```", StringComparison.Ordinal))
            {
                Flush();
                fenced = !fenced;
            }
            else if (fenced || line.StartsWith("    ", StringComparison.Ordinal))
            {
                Flush();
                text.Append(Indent).AppendLine(line.TrimEnd());
            }
            else if (line.StartsWith('|'))
            {
                Flush();
                header = Row(text, line, header);
            }
            else if (line.StartsWith('#'))
            {
                Flush();
                header = [];
                text.AppendLine().AppendLine(MarkdownText.Plain(line.TrimStart('#').Trim()).ToUpperInvariant());
            }
            else if (line.Trim().Length == 0)
            {
                if (paragraph.Count > 0)
                {
                    Flush();
                    text.AppendLine();
                }

                header = [];
            }
            else
            {
                if (line.StartsWith("* ", StringComparison.Ordinal))
                    Flush();
                paragraph.Add(line.Trim());
            }
        }

        Flush();
        return text.ToString().TrimEnd() + "\n";

        void Flush()
        {
            if (paragraph.Count > 0)
                Wrap(text, MarkdownText.Plain(string.Join(' ', paragraph)), Indent, paragraph[0].StartsWith("* ", StringComparison.Ordinal) ? Indent + "  " : Indent);
            paragraph.Clear();
        }
    }

    /// <summary>A row of a table: the first cell on a line of its own, the others below it.</summary>
    private static string[] Row(StringBuilder text, string line, string[] header)
    {
        string[] cells = [.. line.Trim().Trim('|').Split('|').Select(cell => MarkdownText.Plain(cell.Trim()))];
        if (header.Length == 0)
            return cells;
        if (cells.All(cell => cell.Trim('-', ':', ' ').Length == 0))
            return header;
        text.AppendLine().Append(Indent).AppendLine(cells[0]);
        for (var index = 1; index < cells.Length; index++)
        {
            if (cells[index].Length > 0)
                Wrap(text, cells.Length > 2 && index < header.Length ? $"{header[index]}: {cells[index]}" : cells[index], Indent + "  ", Indent + "    ");
        }

        return header;
    }

    private static void Wrap(StringBuilder text, string paragraph, string first, string others)
    {
        var line = new StringBuilder(first);
        var empty = true;
        foreach (var word in paragraph.Split(' ', StringSplitOptions.RemoveEmptyEntries))
        {
            if (!empty && line.Length + 1 + word.Length > Width)
            {
                text.AppendLine(line.ToString());
                line.Clear().Append(others);
                empty = true;
            }

            line.Append(empty ? "" : " ").Append(word);
            empty = false;
        }

        text.AppendLine(line.ToString());
    }
}
