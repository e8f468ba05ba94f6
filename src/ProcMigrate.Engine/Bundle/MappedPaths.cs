namespace ProcMigrate.Engine.Bundle;

/// <summary>--map OLD=NEW: paths that begin otherwise here.</summary>
internal static class MappedPaths
{
    /// <returns>Null where none of the prefixes is its; of several, the longest counts.</returns>
    public static string? Of(string path, IReadOnlyList<PathMap> maps)
    {
        PathMap? best = null;
        foreach (PathMap map in maps)
        {
            if (BundleCollector.IsBeneath(path, map.Old) && (best is null || map.Old.Length > best.Old.Length))
                best = map;
        }
        return best is null ? null : best.New + path[best.Old.Length..];
    }
}
