using System.Text.Json.Serialization;
using ProcMigrate.Image.Text;

namespace ProcMigrate.Remote.Transfer;

/// <summary>What the sender has.</summary>
/// <param name="Version">Of the exchange; both sides must have the same.</param>
/// <param name="Name">File name, without folders.</param>
/// <param name="ImageId">Of the image; of a check or migration, whose image has yet to be made, an id of the conversation: every answer repeats it.</param>
/// <param name="SilenceSeconds">After so long without a byte the receiver takes the connection for dead.</param>
/// <param name="To">Folder or file on the far side; null: its default folder.</param>
/// <param name="Purpose">Null: the image is to be kept. Else <see cref="Check"/>, <see cref="Migrate"/> or <see cref="Settle"/>.</param>
/// <param name="Arguments">Of a check or migration: options of the verb restore.</param>
/// <param name="KeepImage">Of a migration: the image is kept, too, where it would be received to.</param>
internal sealed record ImageOffer(
    int Version, string Name, long Length, Guid ImageId, int SilenceSeconds, string? To = null, string? Purpose = null,
    string[]? Arguments = null, bool KeepImage = false)
{
    public const int CurrentVersion = 4;

    /// <summary>A description follows; could its tree be restored there?</summary>
    public const string Check = "check";

    /// <summary>A description, and then the image, of a tree that is to go on there.</summary>
    public const string Migrate = "migrate";

    /// <summary>What became of the migration of this image? It is over, one way or the other, when that is answered.</summary>
    public const string Settle = "settle";
}

/// <param name="Offset">Where to begin; what stands before is there already.</param>
/// <param name="Crc32C">Of these.</param>
internal sealed record TransferGo(long Offset, uint Crc32C = 0);

internal sealed record ImageStored(string Path, Guid ImageId, long Length, bool AlreadyThere);

/// <param name="Reason">Name of a <see cref="RemoteFailure"/>.</param>
internal sealed record TransferRefusal(string Reason, string Message)
{
    /// <summary>A number is no name, although the parser takes it for one.</summary>
    [JsonIgnore]
    public RemoteFailure Known =>
        Enum.TryParse(Reason, out RemoteFailure known) && Enum.IsDefined(known) && known.ToString() == Reason ? known : RemoteFailure.FarSideFailed;
}

/// <summary>What a second self of the far command has to know.</summary>
/// <param name="TakesMemory">The image that it is given is the description; the rest is yet to be read.</param>
internal sealed record MigrationState(ImageOffer Offer, bool TakesMemory);

[JsonSourceGenerationOptions(
    GenerationMode = JsonSourceGenerationMode.Metadata,
    Converters = [typeof(NameTextConverter)],
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    RespectNullableAnnotations = true,
    RespectRequiredConstructorParameters = true)]
[JsonSerializable(typeof(ImageOffer))]
[JsonSerializable(typeof(TransferGo))]
[JsonSerializable(typeof(ImageStored))]
[JsonSerializable(typeof(TransferRefusal))]
[JsonSerializable(typeof(MigrationState))]
internal sealed partial class TransferJson : JsonSerializerContext;
