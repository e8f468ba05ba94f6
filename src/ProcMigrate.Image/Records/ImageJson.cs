using System.Text.Json.Serialization;
using ProcMigrate.Image.Text;

namespace ProcMigrate.Image.Records;

/// <summary>Source-generated JSON of the records; unknown members are ignored, so that a minor addition stays readable.</summary>
[JsonSourceGenerationOptions(
    GenerationMode = JsonSourceGenerationMode.Metadata,
    Converters = [typeof(NameTextConverter)],
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(TreeRecord))]
[JsonSerializable(typeof(uint))]
public sealed partial class ImageJson : JsonSerializerContext;
