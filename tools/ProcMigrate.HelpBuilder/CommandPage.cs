namespace ProcMigrate.HelpBuilder;

/// <summary>A page of docs/commands, by its headings.</summary>
internal sealed record CommandPage(
    string Path, IReadOnlyList<string> Introduction, IReadOnlyList<CommandExample> Examples, IReadOnlyDictionary<string, IReadOnlyList<string>> Parameters,
    IReadOnlyDictionary<string, IReadOnlyList<string>> Inputs, IReadOnlyDictionary<string, IReadOnlyList<string>> Outputs, IReadOnlyList<string> Notes,
    IReadOnlyList<(string Text, string Uri)> Links)
{
    private const int FewestExamples = 3;

    public string Synopsis => Introduction.Count > 0 ? Introduction[0] : "";

    public static CommandPage Read(string path)
    {
        if (!File.Exists(path))
            throw new HelpException(path, "there is no such page: every cmdlet needs one");
        return Parse(path, File.ReadAllText(path));
    }

    public static CommandPage Parse(string path, string markdown)
    {
        var page = MarkdownSections.Of(markdown);
        var named = (string title) =>
        {
            var parts = new Dictionary<string, IReadOnlyList<string>>(StringComparer.OrdinalIgnoreCase);
            foreach (var (name, body) in page.Parts(title))
            {
                if (!parts.TryAdd(name.TrimStart('-').Trim('`'), MarkdownText.Paragraphs(body)))
                    throw new HelpException(path, $"{name} stands twice below {title}");
            }

            return parts;
        };
        return new(
            path, MarkdownText.Paragraphs(page.Introduction), [.. page.Parts("Examples").Select(part => CommandExample.Parse(part.Title, part.Body))],
            named("Parameters"), named("Inputs"), named("Outputs"), MarkdownText.Paragraphs(page.Body("Notes")), MarkdownText.Links(page.Body("Links")));
    }

    /// <summary>A parameter that many cmdlets have is told once.</summary>
    public CommandPage WithShared(IReadOnlyDictionary<string, IReadOnlyList<string>> shared)
    {
        var all = new Dictionary<string, IReadOnlyList<string>>(shared, StringComparer.OrdinalIgnoreCase);
        foreach (var (name, text) in Parameters)
            all[name] = text;
        return this with { Parameters = all };
    }

    /// <exception cref="HelpException">Something lacks, or is told that is not there.</exception>
    public void Check(CmdletShape shape)
    {
        if (Introduction.Count < 2)
            throw new HelpException(Path, "a synopsis and a description, a paragraph each at least, must stand at the beginning");
        if (Examples.Count < FewestExamples)
            throw new HelpException(Path, $"{Examples.Count} examples; {FewestExamples} are the least");
        foreach (var example in Examples)
        {
            if (!example.Code.Contains(shape.Name, StringComparison.OrdinalIgnoreCase))
                throw new HelpException(Path, $"the example '{example.Title}' does not show {shape.Name}");
        }

        var missing = shape.Parameters.Where(parameter => !Parameters.ContainsKey(parameter.Name)).Select(parameter => "-" + parameter.Name).ToList();
        if (missing.Count > 0)
            throw new HelpException(Path, $"not told: {string.Join(", ", missing)}");
    }

    /// <summary>Help for a parameter that is gone, or misspelt, misleads.</summary>
    /// <exception cref="HelpException">The page itself tells a parameter that the cmdlet does not have.</exception>
    public void CheckStrangers(CmdletShape shape)
    {
        var strangers = Parameters.Keys.Except(shape.Parameters.Select(parameter => parameter.Name), StringComparer.OrdinalIgnoreCase).ToList();
        if (strangers.Count > 0)
            throw new HelpException(Path, $"told, but {shape.Name} does not have: {string.Join(", ", strangers.Select(name => "-" + name))}");
    }
}

/// <summary>An example: what it is for, the commands, and what is to be said about them.</summary>
internal sealed record CommandExample(string Title, string Code, IReadOnlyList<string> Remarks)
{
    public static CommandExample Parse(string title, string body)
    {
        var lines = body.Split('\n');
        var open = Array.FindIndex(lines, line => line.StartsWith("```", StringComparison.Ordinal));
        var close = open < 0 ? -1 : Array.FindIndex(lines, open + 1, line => line.StartsWith("```", StringComparison.Ordinal));
        if (close < 0)
            return new(title, "", MarkdownText.Paragraphs(body));
        var rest = string.Join('\n', lines[..open].Concat(lines[(close + 1)..]));
        return new(title, string.Join('\n', lines[(open + 1)..close]), MarkdownText.Paragraphs(rest));
    }
}
