using System.Text.Json;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Engine.Save;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Kinds;

/// <summary>
/// Memory that several mappings, processes or descriptors may share and that no path leads to: memfds and shared anonymous
/// mappings. Its content is in the image once, holes left out.
/// </summary>
internal static class SharedMemory
{
    public const string KindName = "shared-memory";
    public const string MemfdPrefix = "/memfd:";

    /// <summary>How the kernel names a MAP_SHARED|MAP_ANONYMOUS mapping.</summary>
    public const string SharedAnonymous = "/dev/zero (deleted)";

    /// <summary>The same of huge pages (MAP_HUGETLB).</summary>
    public const string SharedHuge = "/anon_hugepage (deleted)";

    private const string Deleted = " (deleted)";

    /// <summary>The id of the object, captured at its first sight; or null and a blocker.</summary>
    /// <param name="reach">A path below /proc by which its content can be opened.</param>
    public static int? Capture(string link, FileStatus status, string reach, int pid, int? fd, SaveContext context)
    {
        string identity = $"shared-memory {status.DeviceMajor}:{status.DeviceMinor} {status.Inode}";
        Descriptor file;
        try
        {
            file = FileCalls.Open(reach, OpenFlags.O_RDONLY);
        }
        catch (Linux.LinuxException e)
        {
            context.Block(new Blocker(
                "SharedMemoryUnreadable", pid, fd, link, e.Message, "save as root, or with the capability CAP_CHECKPOINT_RESTORE"));
            return null;
        }
        using (file)
        {
            return context.Objects.GetOrAdd(identity, table =>
            {
                bool memfd = link.StartsWith(MemfdPrefix, StringComparison.Ordinal);
                var state = new SharedMemoryState
                {
                    Name = memfd ? link[MemfdPrefix.Length..^(link.EndsWith(Deleted, StringComparison.Ordinal) ? Deleted.Length : 0)] : null,
                    Size = status.Size,
                    Seals = memfd ? MemoryFile.GetSeals(file) : -1,
                    Mode = status.Mode,
                    HugePageBytes = FileSystem.Of(file) is { f_type: FileSystemStatus.HUGETLBFS_MAGIC } huge ? huge.f_bsize : 0,
                };
                int id = table.Add(KindName, link, JsonSerializer.SerializeToElement(state, StateJson.Default.SharedMemoryState));
                context.ObjectContents.Add((id, reach, status.Size));
                return id;
            });
        }
    }

    public static SharedMemoryState StateOf(ObjectRecord record)
    {
        SharedMemoryState state = RestoreContext.Parse(record, StateJson.Default.SharedMemoryState);
        if (state.Size < 0 || (state.HugePageBytes != 0 && (state.HugePageBytes < 0 || !long.IsPow2(state.HugePageBytes))))
            throw RestoreContext.Damaged($"object {record.Id} ({record.Kind}) has {state.Size} bytes in pages of {state.HugePageBytes}");
        return state;
    }
}

/// <summary>What a piece of shared memory is: Name is a memfd's, or null for anonymous memory; Seals is -1 where none are possible.</summary>
internal sealed record SharedMemoryState
{
    public string? Name { get; init; }
    public required long Size { get; init; }
    public required int Seals { get; init; }
    public required int Mode { get; init; }

    /// <summary>Page size where it was made with MFD_HUGETLB or MAP_HUGETLB, else 0.</summary>
    public long HugePageBytes { get; init; }
}
