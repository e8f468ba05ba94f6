using System.Text.Json.Serialization;
using ProcMigrate.Image.Text;

namespace ProcMigrate.Cli.Output;

/// <summary>Source-generated JSON of the command line's own lines.</summary>
[JsonSourceGenerationOptions(
    GenerationMode = JsonSourceGenerationMode.Metadata,
    Converters = [typeof(NameTextConverter)],
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(CliEvent))]
internal sealed partial class CliJson : JsonSerializerContext;
