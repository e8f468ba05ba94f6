namespace ProcMigrate.PowerShell.Completion;

/// <summary>Names of hosts that ssh knows, out of its own files.</summary>
internal static class SshHosts
{
    /// <param name="folder">~/.ssh</param>
    public static IReadOnlyList<string> In(string folder)
    {
        var names = new SortedSet<string>(StringComparer.OrdinalIgnoreCase);
        AddConfig(Path.Combine(folder, "config"), folder, names, depth: 0);
        foreach (var line in Lines(Path.Combine(folder, "known_hosts")))
            AddKnown(line, names);
        return [.. names];
    }

    private static void AddConfig(string path, string folder, SortedSet<string> names, int depth)
    {
        const int deepest = 8;
        foreach (var line in Lines(path))
        {
            var words = line.Split([' ', '\t', '=', '"'], StringSplitOptions.RemoveEmptyEntries);
            if (words.Length < 2)
                continue;
            // A pattern is no name.
            if (words[0].Equals("Host", StringComparison.OrdinalIgnoreCase))
                names.UnionWith(words.Skip(1).Where(word => word.IndexOfAny(['*', '?', '!']) < 0));
            else if (words[0].Equals("Include", StringComparison.OrdinalIgnoreCase) && depth < deepest)
            {
                foreach (var file in words.Skip(1).SelectMany(word => Files(word, folder)))
                    AddConfig(file, folder, names, depth + 1);
            }
        }
    }

    private static string[] Files(string pattern, string folder)
    {
        var full = pattern.StartsWith("~/", StringComparison.Ordinal)
            ? Path.Combine(Path.GetDirectoryName(folder) ?? "/", pattern[2..])
            : Path.Combine(folder, pattern);
        var parent = Path.GetDirectoryName(full);
        return parent is not null && Directory.Exists(parent) ? Directory.GetFiles(parent, Path.GetFileName(full)) : [];
    }

    /// <summary>Hashed names cannot be told, addresses nobody types; [name]:port is a name.</summary>
    private static void AddKnown(string line, SortedSet<string> names)
    {
        var words = line.Split([' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
        var first = words.Length > 0 && words[0].StartsWith('@') ? 1 : 0;
        if (words.Length <= first || words[first].StartsWith('|') || words[first].StartsWith('#'))
            return;
        foreach (var name in words[first].Split(','))
        {
            var bare = name.StartsWith('[') ? name[1..].Split(']')[0] : name;
            if (bare.Length > 0 && bare.IndexOfAny(['*', '?', '!', ':']) < 0 && !System.Net.IPAddress.TryParse(bare, out _))
                names.Add(bare);
        }
    }

    private static string[] Lines(string path)
    {
        try
        {
            return File.ReadAllLines(path);
        }
        catch (Exception absent) when (absent is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }
}
