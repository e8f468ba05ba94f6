using System.Text.Json;
using System.Text.Json.Serialization;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Kinds;

/// <summary>A file with a path, as it was at the save.</summary>
internal sealed record FileState : OpenState
{
    public required string Path { get; init; }
    public required long Position { get; init; }
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
    public required ulong Inode { get; init; }
    /// <summary>The device of the file system that it is on; null in images of earlier versions.</summary>
    public ulong? Device { get; init; }

    /// <summary>Of a device's node: the device that it stands for.</summary>
    public uint DeviceMajor { get; init; }
    public uint DeviceMinor { get; init; }

    /// <summary>The object with the content (kind <c>deleted-file</c>) where the path is gone; else 0.</summary>
    public int Deleted { get; init; }

    /// <summary>Another name of the file where <see cref="Path"/> is gone (a hard link); else null.</summary>
    public string? LinkedAs { get; init; }

    /// <summary>The object (kind <c>bundled-file</c>) where the image carries the file; else 0.</summary>
    public int Bundled { get; init; }

    /// <summary>A folder of /proc whose process has ended.</summary>
    public bool OfEndedProcess { get; init; }

    /// <summary>A name that leads to the file now.</summary>
    public string Reachable => LinkedAs ?? Path;

    /// <summary>GNU build id of an ELF file, in hexadecimal: the same program, whatever its times.</summary>
    public string? BuildId { get; init; }

    internal DateTimeOffset Modified => FileStatus.Time(ModifiedSeconds, ModifiedNanoseconds);

    public static FileState Of(string path, in FileStatus status, OpenFlags flags, long position, string? buildId = null) => new()
    {
        Path = path,
        Flags = flags,
        Position = position,
        Type = status.Type,
        Mode = status.Mode,
        Uid = status.Uid,
        Gid = status.Gid,
        Size = status.Size,
        ModifiedSeconds = status.ModifiedSeconds,
        ModifiedNanoseconds = status.ModifiedNanoseconds,
        Inode = status.Inode,
        Device = status.KernelDevice,
        DeviceMajor = status.RealDeviceMajor,
        DeviceMinor = status.RealDeviceMinor,
        BuildId = buildId,
    };

    public static FileState From(ObjectRecord record) =>
        RestoreContext.Parse(record, StateJson.Default.FileState);

    public JsonElement ToJson() => JsonSerializer.SerializeToElement(this, StateJson.Default.FileState);
}
