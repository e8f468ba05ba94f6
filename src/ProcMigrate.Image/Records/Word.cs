using System.Text.Json;

namespace ProcMigrate.Image.Records;

/// <summary>
/// A value of an enum as its name, in JSON. The serializer can do that too, but has code of its own for each enum: 25 KB of the binary
/// every time. The property itself is ignored there, and has a setter: an ignored one with init is taken for a parameter of a
/// constructor, and missed (System.Text.Json 9).
/// </summary>
public static class Word
{
    /// <exception cref="JsonException">It is not a name of one.</exception>
    public static object Parse(Type type, string name) =>
        Enum.TryParse(type, name, out object? value) && Enum.IsDefined(type, value) ? value : throw NotOne(type, name);

    /// <summary>Several names, separated by commas, or a number where a bit has no name.</summary>
    /// <exception cref="JsonException">One of them is not a name of one.</exception>
    public static object ParseFlags(Type type, string names) =>
        Enum.TryParse(type, names, out object? value) ? value : throw NotOne(type, names);

    private static JsonException NotOne(Type type, string name) => new($"'{name}' is not a {type.Name}");
}
