using System.Text.RegularExpressions;

namespace ProcMigrate.Tests.Linux;

/// <summary>The project's own sources, for the tests that hold them against headers and docs.</summary>
internal static class Sources
{
    public static string Root { get; } = FindRoot();

    public static string Read(string path) => File.ReadAllText(Path.Combine(Root, path));

    /// <summary>Every C# file of some projects: path below the root, and text.</summary>
    public static IEnumerable<(string Path, string Text)> Of(params string[] projects) =>
        projects
            .SelectMany(p => Directory.EnumerateFiles(Path.Combine(Root, "src", p), "*.cs", SearchOption.AllDirectories))
            .Where(p => !Regex.IsMatch(p, "/(obj|bin)/"))
            .Order(StringComparer.Ordinal)
            .Select(p => (Path.GetRelativePath(Root, p), File.ReadAllText(p)));

    private static string FindRoot()
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "ProcMigrate.sln")))
                return at.FullName;
        }
        throw new InvalidOperationException("ProcMigrate.sln is in no folder above " + AppContext.BaseDirectory);
    }
}
