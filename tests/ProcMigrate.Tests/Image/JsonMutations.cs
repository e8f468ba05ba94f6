using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace ProcMigrate.Tests.Image;

/// <summary>
/// Every member of an image's JSON, each place of a kind once, and values for it that are of another type, beyond its range, or missing.
/// </summary>
internal static class JsonMutations
{
    private static readonly Func<JsonNode?>[] ForNumbers =
    [
        () => -1, () => 0, () => 1, () => 3, () => int.MaxValue, () => int.MinValue, () => uint.MaxValue, () => long.MaxValue, () => long.MinValue,
        () => ulong.MaxValue, () => 1e30, () => 0.5,
    ];

    private static readonly Func<JsonNode?>[] ForStrings =
    [
        () => "", () => "A\0B", () => "\e]0;hostile\a", () => new string('x', 5000), () => "/", () => "..", () => "AAAA", () => "%%", () => "\u00e9\ud83d\ude00",
        () => "9999-99-99", () => "-1", () => "4294967295",
    ];

    private static readonly Func<JsonNode?>[] ForLists = [() => new JsonArray(), () => new JsonArray((JsonNode?)null), () => new JsonArray(1, "x")];

    // Of another type than any.
    private static readonly Func<JsonNode?>[] ForAll = [() => null, () => "x", () => 5, () => true, () => new JsonArray(), () => new JsonObject()];

    /// <summary>All of them: a name, and what does it to a tree.</summary>
    /// <param name="wanted">Which places, by path.</param>
    public static IEnumerable<(string Name, Action<JsonObject> Change)> Of(JsonObject tree, Func<string, bool> wanted)
    {
        var seen = new HashSet<string>();
        foreach ((string place, string[] way, JsonNode? node) in Places(tree, "", []))
        {
            if (!seen.Add(place) || !wanted(place))
                continue;
            yield return ($"{place} removed", root => Remove(root, way));
            if (node is JsonArray { Count: > 0 } list)
                yield return ($"{place} doubled", root => Set(root, way, new JsonArray([.. list.Select(n => n?.DeepClone()), .. list.Select(n => n?.DeepClone())])));
            foreach (Func<JsonNode?> value in (Func<JsonNode?>[])[.. ForAll, .. Special(node)])
                yield return ($"{place} = {Shown(value())}", root => Set(root, way, value()));
        }
    }

    private static Func<JsonNode?>[] Special(JsonNode? node) => node?.GetValueKind() switch
    {
        JsonValueKind.Number => ForNumbers,
        JsonValueKind.String => ForStrings,
        JsonValueKind.Array => ForLists,
        _ => [],
    };

    /// <summary>An item of a list is called by its kind where it has one, so that each kind of object is a place of its own.</summary>
    private static IEnumerable<(string Place, string[] Way, JsonNode? Node)> Places(JsonNode? node, string place, string[] way)
    {
        if (place.Length > 0)
            yield return (place, way, node);
        var children = node switch
        {
            JsonObject members => members.Select(m => (Name: $"{place}.{m.Key}", Key: m.Key, Child: m.Value)),
            JsonArray items => items.Select((item, i) => (
                Name: $"{place}[{(item as JsonObject)?["kind"]}]", Key: i.ToString(CultureInfo.InvariantCulture), Child: item)),
            _ => [],
        };
        foreach (var (name, key, child) in children.ToArray())
        {
            foreach (var inner in Places(child, name, [.. way, key]))
                yield return inner;
        }
    }

    private static JsonNode Parent(JsonObject root, string[] way)
    {
        JsonNode node = root;
        foreach (string key in way[..^1])
            node = node is JsonArray list ? list[int.Parse(key, CultureInfo.InvariantCulture)]! : node[key]!;
        return node;
    }

    private static void Set(JsonObject root, string[] way, JsonNode? value)
    {
        if (Parent(root, way) is JsonArray list)
            list[int.Parse(way[^1], CultureInfo.InvariantCulture)] = value;
        else
            Parent(root, way)[way[^1]] = value;
    }

    private static void Remove(JsonObject root, string[] way)
    {
        if (Parent(root, way) is JsonArray list)
            list.RemoveAt(int.Parse(way[^1], CultureInfo.InvariantCulture));
        else
            Parent(root, way).AsObject().Remove(way[^1]);
    }

    private static string Shown(JsonNode? value)
    {
        string text = value?.ToJsonString() ?? "null";
        return text.Length > 40 ? text[..40] + "..." : text;
    }
}
