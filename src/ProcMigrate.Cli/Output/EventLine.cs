using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace ProcMigrate.Cli.Output;

/// <summary>A line of <c>--json</c>, written and read.</summary>
internal static class EventLine
{
    /// <summary>Paths stay readable: the reader is no web page, so nothing but JSON's own characters is escaped.</summary>
    internal static readonly JsonTypeInfo<CliEvent> Format = new CliJson(new JsonSerializerOptions(CliJson.Default.Options)
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    }).CliEvent;

    public static string Write(CliEvent line) => JsonSerializer.Serialize(line, Format);

    /// <summary>Null where the text is no event.</summary>
    public static CliEvent? TryRead(string text)
    {
        try
        {
            return JsonSerializer.Deserialize(text, Format);
        }
        catch (Exception failure) when (failure is JsonException or NotSupportedException)
        {
            // NotSupported: JSON without the member that says which event it is.
            return null;
        }
    }
}
