using System.Text.Json;
using System.Text.Json.Serialization;
using ProcMigrate.Image.Text;

namespace ProcMigrate.PowerShell.Running;

/// <summary>Source-generated JSON of the binary's lines; members that a newer binary adds are ignored.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, Converters = [typeof(NameTextConverter)])]
[JsonSerializable(typeof(Answer))]
internal sealed partial class AnswerJson : JsonSerializerContext
{
    /// <summary>Null where the text is no event.</summary>
    public static Answer? TryRead(string line)
    {
        try
        {
            return JsonSerializer.Deserialize(line, Default.Answer);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
