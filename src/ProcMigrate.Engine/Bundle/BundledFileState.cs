using System.Text.Json;
using System.Text.Json.Serialization;
using ProcMigrate.Engine.Kinds;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Bundle;

/// <summary>
/// A file that the image carries: an object of its own, which open files, mappings, programs and working folders refer to
/// (<see cref="FileState.Bundled"/>). Its content is the data of the object. Folders come before what is in them.
/// </summary>
internal sealed class BundledFileState
{
    public const string KindName = "bundled-file";

    /// <summary>Absolute, without symbolic links on the way; its new name is the same beneath the folder it is unpacked into.</summary>
    public required string Path { get; init; }

    /// <summary>Regular file, folder, symbolic link or FIFO.</summary>
    internal FileType Type { get; set; }

    [JsonRequired]
    [JsonPropertyName("type")]
    public string TypeWord
    {
        get => Type.ToString();
        init => Type = (FileType)Word.Parse(typeof(FileType), value);
    }

    public required int Mode { get; init; }
    public required uint Uid { get; init; }
    public required uint Gid { get; init; }
    public required long Size { get; init; }
    public required long ModifiedSeconds { get; init; }
    public required uint ModifiedNanoseconds { get; init; }
    public long AccessedSeconds { get; init; }
    public uint AccessedNanoseconds { get; init; }

    /// <summary>Where a symbolic link leads to; else null.</summary>
    public string? Target { get; init; }

    /// <summary>The object of the same file under another name (a hard link), which then has the content; else 0.</summary>
    public int LinkOf { get; init; }

    // With init in place of set, the serializer would put null where the image has none.
    /// <summary>Extended attributes that belong to the owner, user.* and ACLs: each a name and, in base 64, a value.</summary>
    public IReadOnlyList<string> Attributes { get; set; } = [];

    public static BundledFileState Of(string path, in FileStatus status, int linkOf, string? target, List<string> attributes) => new()
    {
        Path = path,
        Type = status.Type,
        Mode = status.Mode,
        Uid = status.Uid,
        Gid = status.Gid,
        Size = status.Type == FileType.Regular ? status.Size : 0,
        ModifiedSeconds = status.ModifiedSeconds,
        ModifiedNanoseconds = status.ModifiedNanoseconds,
        AccessedSeconds = status.AccessedSeconds,
        AccessedNanoseconds = status.AccessedNanoseconds,
        Target = target,
        LinkOf = linkOf,
        Attributes = attributes,
    };

    public JsonElement ToJson() => JsonSerializer.SerializeToElement(this, StateJson.Default.BundledFileState);
}
