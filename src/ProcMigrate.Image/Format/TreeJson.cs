using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using System.Text.Unicode;
using ProcMigrate.Image.Records;
using ProcMigrate.Image.Text;

namespace ProcMigrate.Image.Format;

/// <summary>Reads the JSON of a tree that nobody vouches for.</summary>
internal static class TreeJson
{
    private static readonly ImageJson Context =
        new(new JsonSerializerOptions(ImageJson.Default.Options) { MaxDepth = ImageLimits.TreeDepth });

    public static JsonTypeInfo<TreeRecord> Type => Context.TreeRecord;

    public static TreeRecord Parse(ReadOnlySpan<byte> json, ImageFaults faults)
    {
        try
        {
            CheckTokens(json, faults);
            return JsonSerializer.Deserialize(json, Type) ?? throw faults.Damaged("the tree is null");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or NotSupportedException
            or FormatException or OverflowException or ArgumentException)
        {
            throw faults.Damaged($"the tree is not what it should be ({e.Message})", e);
        }
    }

    /// <summary>
    /// One pass before anything is built. State of objects stays JSON, whose strings are decoded only when a kind asks for
    /// them: a broken one must be found here, not there.
    /// </summary>
    private static void CheckTokens(ReadOnlySpan<byte> json, ImageFaults faults)
    {
        if (!Utf8.IsValid(json)) throw faults.Damaged("the tree is not UTF-8");
        var reader = new Utf8JsonReader(json, new JsonReaderOptions { MaxDepth = ImageLimits.TreeDepth });
        var tokens = 0;
        var weight = new TreeWeight();
        while (reader.Read())
        {
            if (++tokens > ImageLimits.TreeTokens) throw faults.TooLarge("tokens of the tree", tokens, ImageLimits.TreeTokens);
            weight.Add(reader);
            if (weight.Bytes > ImageLimits.TreeMemory) throw faults.TooLarge("memory for the tree", weight.Bytes, ImageLimits.TreeMemory);
            if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName && reader.ValueIsEscaped)
            {
                // Nothing that the kernel names has a NUL; to its calls, a name would end there.
                if (NameText.Unescape(reader.GetString()!).Contains('\0')) throw faults.Damaged("there is a NUL in a text");
            }
        }
    }
}
