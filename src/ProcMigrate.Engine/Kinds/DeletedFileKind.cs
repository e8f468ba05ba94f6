using System.Text.Json;
using System.Text.Json.Serialization;
using ProcMigrate.Engine.Kinds.Files;
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
        string path, FileStatus status, string reach, int pid, int? fd, SaveContext context)
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
            };
            int id = table.Add(KindName, path, JsonSerializer.SerializeToElement(state, StateJson.Default.DeletedFileState));
            if (status.Type == FileType.Regular)
                context.ObjectContents.Add((id, reach, status.Size));
            return id;
        });
    }

    public override void Check(ObjectRecord record, RestoreContext context) => CheckPlace(record.Id, context);

    /// <summary>Finds a place for it, or blocks; asked by each open file of it, the first time counts.</summary>
    public static void CheckPlace(int objectId, RestoreContext context) => NamelessPlaces.Of(context).For(
        objectId, RestoreContext.Parse(context.Object(objectId), StateJson.Default.DeletedFileState), CreationFlagsOf(objectId, context));

    /// <summary>An O_PATH descriptor of the file, by which it is opened as often as needed.</summary>
    public override Descriptor Recreate(ObjectRecord record, RestoreContext context)
    {
        DeletedFileState state = RestoreContext.Parse(record, StateJson.Default.DeletedFileState);
        return Make(record.Id, state, CreationFlagsOf(record.Id, context), file => SharedMemories.Fill(file, record.Id, context), context);
    }

    /// <summary>Makes a file where there is room for it.</summary>
    /// <param name="fill">Gives a regular file its content.</param>
    public static Descriptor Make(int objectId, DeletedFileState state, OpenFlags creationFlags, Action<Descriptor> fill, RestoreContext context)
    {
        var failures = new List<string>();
        foreach (string folder in NamelessPlaces.Of(context).For(objectId, state, creationFlags))
        {
            try
            {
                Descriptor made = MakeIn(folder, objectId, state, creationFlags, fill, context);
                if (failures.Count > 0)
                    context.WarnOnce($"the deleted file {state.Path} is made anew in {folder} ({string.Join("; ", failures)})");
                return made;
            }
            catch (LinuxException e)
            {
                failures.Add($"in {folder}: {e.Call}: {Errno.Describe(e.Errno)}");
            }
        }
        throw new EngineException(
            "DeletedFileFailed", FailureClass.Failed,
            $"The program uses a deleted file, {state.Path}, that could not be made anew ({string.Join("; ", failures)}). Nothing was started. "
            + "Make room or grant the right in one of these folders, or restore elsewhere.");
    }

    private static Descriptor MakeIn(
        string folder, int objectId, DeletedFileState state, OpenFlags creationFlags, Action<Descriptor> fill, RestoreContext context)
    {
        NamelessFile made = NamelessFile.Create(state, creationFlags, folder, context.Rights);
        try
        {
            Descriptor anchor = state.Type == FileType.SymbolicLink
                ? Descriptor.Duplicate(made.File.Number)
                : FileCalls.Open($"/proc/self/fd/{made.File.Number}", OpenFlags.O_PATH);
            if (state.Type == FileType.Regular)
                Complete(anchor, objectId, state, fill, context);
            // The one open file that shows O_TMPFILE among its flags can only be the one that made it. Else nothing of ours stays open
            // for writing: the kernel would not take the file for a program's (deny_write_access).
            if (creationFlags != 0)
                context.Shared(CreatorKey(objectId), () => made);
            return anchor;
        }
        finally
        {
            if (creationFlags == 0)
                made.Dispose();
        }
    }

    private static void Complete(Descriptor anchor, int objectId, DeletedFileState state, Action<Descriptor> fill, RestoreContext context)
    {
        const int OwnerMayExecute = 0x40; // 0100
        string path = $"/proc/self/fd/{anchor.Number}";
        using (Descriptor file = FileCalls.Open(path, OpenFlags.O_RDWR))
        {
            FileCalls.SetLength(file, state.Size);
            fill(file);
        }
        FolderCalls.SetModified(anchor, state.ModifiedSeconds, state.ModifiedNanoseconds);
        int mode = FileStatus.Of(anchor).Mode;
        if (!ProgramFiles.Of(context).IsExecuted(objectId) || (mode & OwnerMayExecute) != 0)
            return;
        // It has lost its x bits since it was started; nobody else can reach it before the tree runs.
        FolderCalls.SetMode(anchor, mode | OwnerMayExecute);
        Descriptor kept = Descriptor.Duplicate(anchor.Number);
        context.AtEnd(() =>
        {
            using (kept)
                FolderCalls.SetMode(kept, mode);
        });
    }

    /// <summary>The flags of the open(2) with O_TMPFILE that made a file, if the tree has what it returned open; else 0.</summary>
    public static OpenFlags CreationFlagsOf(int objectId, RestoreContext context) =>
        context.Shared("creation flags of deleted files", () => CreationFlags(context)).GetValueOrDefault(objectId);

    private static Dictionary<int, OpenFlags> CreationFlags(RestoreContext context)
    {
        var flags = new Dictionary<int, OpenFlags>();
        foreach (ObjectRecord record in context.Tree.Objects.Where(o => o.Kind == RegularFileKind.KindName))
        {
            FileState file = FileState.From(record);
            if (file.Deleted != 0 && file.Flags.HasFlag(OpenFlags.O_TMPFILE))
                flags[file.Deleted] = file.Flags;
        }
        return flags;
    }

    /// <summary>Opens a file without a name once more.</summary>
    public static Descriptor Open(int objectId, OpenFlags flags, RestoreContext context)
    {
        Descriptor anchor = context.OpenFiles.Get(objectId);
        if (flags.HasFlag(OpenFlags.O_TMPFILE))
        {
            return Descriptor.Duplicate(context.Shared<NamelessFile>(CreatorKey(objectId), () => throw RestoreContext.Damaged(
                $"object {objectId} was not made with O_TMPFILE")).File.Number);
        }
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

/// <summary>A file without a name.</summary>
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

    /// <summary>Where a symbolic link leads to; else null.</summary>
    public string? Target { get; init; }

    /// <summary>For one that is made like a file.</summary>
    public static DeletedFileState CopyOf(FileState file) => new()
    {
        Path = file.Path,
        Type = file.Type,
        Mode = file.Mode,
        Uid = file.Uid,
        Gid = file.Gid,
        Size = file.Size,
        ModifiedSeconds = file.ModifiedSeconds,
        ModifiedNanoseconds = file.ModifiedNanoseconds,
    };
}
