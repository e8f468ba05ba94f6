namespace ProcMigrate.HelpBuilder;

/// <summary>A Markdown page cut at its headings. What stands in fences is no heading.</summary>
internal sealed class MarkdownSections
{
    private readonly List<(int Level, string Title, List<string> Lines)> sections = [];

    /// <summary>What stands below the page's title.</summary>
    public string Introduction => sections.Count == 0 ? "" : Text(sections[0].Lines);

    public static MarkdownSections Of(string markdown)
    {
        var page = new MarkdownSections();
        var fenced = false;
        foreach (var line in markdown.ReplaceLineEndings("\n").Split('\n'))
        {
            fenced ^= line.StartsWith("```", StringComparison.Ordinal);
            var level = fenced ? 0 : line.TakeWhile(letter => letter == '#').Count();
            if (level > 0 && line.Length > level && line[level] == ' ')
                page.sections.Add((level, line[level..].Trim(), []));
            else if (page.sections.Count > 0)
                page.sections[^1].Lines.Add(line);
        }

        return page;
    }

    /// <summary>The text right below a heading of the second level.</summary>
    public string Body(string title) => Text(sections.FirstOrDefault(section => section.Level == 2 && section.Title == title).Lines ?? []);

    /// <summary>The headings of the third level below one of the second.</summary>
    public IEnumerable<(string Title, string Body)> Parts(string title) => sections
        .SkipWhile(section => section.Level != 2 || section.Title != title).Skip(1)
        .TakeWhile(section => section.Level > 2)
        .Select(section => (section.Title, Text(section.Lines)));

    private static string Text(List<string> lines) => string.Join('\n', lines).Trim('\n');
}
