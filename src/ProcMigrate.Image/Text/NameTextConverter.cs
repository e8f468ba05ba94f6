using System.Text.Json;
using System.Text.Json.Serialization;

namespace ProcMigrate.Image.Text;

/// <summary>Strings and names of members with whatever bytes are in them; see <see cref="NameText"/>.</summary>
public sealed class NameTextConverter : JsonConverter<string>
{
    public override string? Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.GetString() is { } text ? NameText.Unescape(text) : null;

    public override void Write(Utf8JsonWriter writer, string value, JsonSerializerOptions options) =>
        writer.WriteStringValue(NameText.Escape(value));

    public override string ReadAsPropertyName(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        NameText.Unescape(reader.GetString()!);

    public override void WriteAsPropertyName(Utf8JsonWriter writer, string value, JsonSerializerOptions options) =>
        writer.WritePropertyName(NameText.Escape(value));
}
