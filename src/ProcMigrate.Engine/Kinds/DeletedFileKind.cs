using System.Text.Json;
using System.Text.Json.Serialization;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Engine.Save;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Kinds;

/// <summary>
/// A file without a name: deleted while in use, renamed over, or made with O_TMPFILE. It is an object of its own, once per
/// inode, which open files, mappings, programs and working folders refer to (<see cref="FileState.Deleted"/>); its content
/// is in the image, holes left out. No descriptor is of this kind.
/// </summary>
internal sealed class DeletedFileKind : DescriptorKind
{
    public const string KindName = "deleted-file";
    public const string Suffix = " (deleted)";

    public override string Name => KindName;

    public override bool Recognises(DescriptorFacts facts) => false;

    public override JsonElement? Capture(DescriptorFacts facts, SaveContext context) => null;

    /// <summary>The object for a file without a name, captured at its first sight; or null and a blocker.</summary>
    /// <param name="reach">A path below /proc that leads to it all the same.</param>
    public static int? Capture(
        string path, FileStatus status, OpenFlags flags, string reach, int pid, int? fd, SaveContext context)
    {
        if (status.Type == FileType.Regular && Unreadable(reach) is { } why)
        {
            context.Block(new Blocker("DeletedFile", pid, fd, path, why, "save as root"));
            return null;
        }
        return context.Objects.GetOrAdd($"deleted {status.DeviceMajor}:{status.DeviceMinor} {status.Inode}", table =>
        {
            DeletedFileState state = new()
            {
                Path = path,
                Type = status.Type,
                Mode = status.Mode,
                Uid = status.Uid,
                Gid = status.Gid,
                Size = status.Size,
                ModifiedSeconds = status.ModifiedSeconds,
                ModifiedNanoseconds = status.ModifiedNanoseconds,
                DeviceMajor = status.RealDeviceMajor,
                DeviceMinor = status.RealDeviceMinor,
                Target = status.Type == FileType.SymbolicLink ? FolderCalls.ReadSymbolicLink(reach) : null,
                CreationFlags = flags.HasFlag(OpenFlags.O_TMPFILE) ? flags : 0,
            };
            int id = table.Add(KindName, path, JsonSerializer.SerializeToElement(state, StateJson.Default.DeletedFileState));
            if (status.Type == FileType.Regular)
                context.ObjectContents.Add((id, reach, status.Size));
            return id;
        });
    }

    public override void Check(ObjectRecord record, RestoreContext context)
    {
        DeletedFileState state = RestoreContext.Parse(record, StateJson.Default.DeletedFileState);
        CheckDevice(state, context);
        if (NamelessFile.CannotBeMadeIn(state.Path) is { } why)
        {
            context.Block(new Blocker(
                "DeletedFile", null, null, state.Path, $"the program uses a deleted file that lay here, and {why}",
                "make the folder writable, or restore where it is"));
        }
    }

    /// <summary>Whoever has a node of its own has the device, whatever the rights of /dev are.</summary>
    private static void CheckDevice(DeletedFileState state, RestoreContext context)
    {
        if (state.Type is not (FileType.CharacterDevice or FileType.BlockDevice) || context.Rights.MayMakeDevices)
            return;
        context.Block(new Blocker(
            "DeletedFile", null, null, state.Path,
            $"the program uses a deleted node of the device {state.DeviceMajor}:{state.DeviceMinor}, and may make none itself (CAP_MKNOD)",
            "let the program open the device by a name below /dev before the save"));
    }

    /// <summary>An O_PATH descriptor of the file, by which it is opened as often as needed.</summary>
    public override Descriptor Recreate(ObjectRecord record, RestoreContext context)
    {
        DeletedFileState state = RestoreContext.Parse(record, StateJson.Default.DeletedFileState);
        NamelessFile made = NamelessFile.Create(state, context.Rights);
        // Held by the restore: the one open file that shows O_TMPFILE among its flags can only be the one that made it.
        context.Shared(CreatorKey(record.Id), () => made);
        if (state.Type == FileType.SymbolicLink)
            return Descriptor.Duplicate(made.File.Number);
        Descriptor anchor = FileCalls.Open($"/proc/self/fd/{made.File.Number}", OpenFlags.O_PATH);
        if (state.Type != FileType.Regular)
            return anchor;
        using (Descriptor file = FileCalls.Open($"/proc/self/fd/{anchor.Number}", OpenFlags.O_RDWR))
        {
            FileCalls.SetLength(file, state.Size);
            SharedMemories.Fill(file, record.Id, context);
        }
        FolderCalls.SetModified(anchor, state.ModifiedSeconds, state.ModifiedNanoseconds);
        return anchor;
    }

    /// <summary>Opens a file without a name once more.</summary>
    public static Descriptor Open(int objectId, OpenFlags flags, RestoreContext context)
    {
        Descriptor anchor = context.OpenFiles.Get(objectId);
        if (flags.HasFlag(OpenFlags.O_TMPFILE))
            return Descriptor.Duplicate(context.Shared<NamelessFile>(CreatorKey(objectId), () => throw RestoreContext.Damaged(
                $"object {objectId} was not made with O_TMPFILE")).File.Number);
        // Of a symbolic link there is nothing but the place; opened anew, the descriptor would not show O_NOFOLLOW any more.
        return RestoreContext.Parse(context.Object(objectId), StateJson.Default.DeletedFileState).Type == FileType.SymbolicLink
            ? Descriptor.Duplicate(anchor.Number)
            : FileCalls.Open($"/proc/self/fd/{anchor.Number}", flags & ~OpenFlags.O_NOFOLLOW);
    }

    private static string CreatorKey(int objectId) => $"creator of deleted file {objectId}";

    private static string? Unreadable(string reach)
    {
        try
        {
            FileCalls.Open(reach, OpenFlags.O_RDONLY).Dispose();
            return null;
        }
        catch (LinuxException e)
        {
            return $"its content cannot be read: {e.Message}";
        }
    }
}

/// <summary>A file without a name. CreationFlags are those of the open(2) with O_TMPFILE that made it, else 0.</summary>
internal sealed record DeletedFileState
{
    public required string Path { get; init; }
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
    public uint DeviceMajor { get; init; }
    public uint DeviceMinor { get; init; }
    internal OpenFlags CreationFlags { get; set; }

    [JsonPropertyName("creationFlags")]
    public string CreationFlagsWord
    {
        get => CreationFlags.ToString();
        init => CreationFlags = (OpenFlags)Word.ParseFlags(typeof(OpenFlags), value);
    }


    /// <summary>Where a symbolic link leads to; else null.</summary>
    public string? Target { get; init; }
}
