using System.Text.Json;
using ProcMigrate.Engine.Freeze;
using ProcMigrate.Engine.Kinds;
using ProcMigrate.Engine.Save;
using ProcMigrate.Image;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.ProcFs;

namespace ProcMigrate.Engine.Memory;

/// <summary>
/// Shared memory without a name where /proc/PID/map_files is not for us (it takes CAP_CHECKPOINT_RESTORE over the whole host). A
/// memfd may be open somewhere in the tree; else what counts of it is what is mapped, for the program has no other way to the rest.
/// To read a page that was never written makes the kernel provide it: the price of having no privileges.
/// </summary>
internal sealed class MappedOnlyMemory
{
    private const int PieceBytes = 1 << 20;
    private const int UsualMode = 0x1ff;

    private readonly Dictionary<int, List<(TracedProcess Process, MemoryMap Map)>> _views = [];

    public static int? Capture(TracedProcess process, MemoryMap map, SaveContext context)
    {
        bool memfd = map.Name.StartsWith(SharedMemory.MemfdPrefix, StringComparison.Ordinal);
        if (memfd && FindDescriptor(map, context) is { } reach)
            return SharedMemory.Capture(map.Name, FileStatus.OfPath(reach), reach, process.Pid, null, context);
        var state = new SharedMemoryState
        {
            Name = memfd ? map.Name[SharedMemory.MemfdPrefix.Length..^" (deleted)".Length] : null,
            Size = 0,
            Seals = -1,
            Mode = UsualMode,
            HugePageBytes = map.HasFlag("ht") ? map.KernelPageBytes : 0,
        };
        int id = context.Objects.GetOrAdd(
            $"shared-memory {map.DeviceMajor}:{map.DeviceMinor} {map.Inode}", table => table.Add(SharedMemory.KindName, map.Name, Json(state)));
        List<(TracedProcess Process, MemoryMap Map)> views = ViewsOf(id, context);
        if (!map.Shared)
        {
            // A private view shows the pages of its own in place of the memory's.
            context.AtEnd(() => RequireViews(process, map, map.Offset, map.Offset + map.Length, views, context));
            return id;
        }
        views.Add((process, map));
        ulong end = 0;
        foreach ((_, MemoryMap view) in views)
            end = Math.Max(end, view.Offset + view.Length);
        context.Objects.Replace(id, Json(state with { Size = (long)end }));
        return id;
    }

    /// <summary>A view of memory of a known size, of which all must be seen in the end.</summary>
    public static void AddView(int id, TracedProcess process, MemoryMap map, ulong size, SaveContext context)
    {
        List<(TracedProcess Process, MemoryMap Map)> views = ViewsOf(id, context);
        if (views.Count == 0)
            context.AtEnd(() => RequireViews(process, map, 0, size, views, context));
        views.Add((process, map));
    }

    private static List<(TracedProcess Process, MemoryMap Map)> ViewsOf(int id, SaveContext context)
    {
        Dictionary<int, List<(TracedProcess Process, MemoryMap Map)>> all = context.Shared(() => new MappedOnlyMemory())._views;
        if (!all.TryGetValue(id, out List<(TracedProcess Process, MemoryMap Map)>? views))
            all[id] = views = [];
        return views;
    }

    /// <summary>What is mapped of each such memory goes into the image, once.</summary>
    public static void Write(ImageWriter image, SaveContext context, CancellationToken cancel)
    {
        byte[] buffer = new byte[PieceBytes];
        foreach ((int id, var views) in context.Shared(() => new MappedOnlyMemory())._views)
        {
            views.Sort((a, b) => a.Map.Offset.CompareTo(b.Map.Offset));
            ulong done = 0;
            foreach ((TracedProcess process, MemoryMap map) in views)
            {
                for (ulong at = Math.Max(done, map.Offset), end = map.Offset + map.Length; at < end; at = done)
                {
                    cancel.ThrowIfCancellationRequested();
                    Span<byte> piece = buffer.AsSpan(0, (int)Math.Min(PieceBytes, end - at));
                    process.Memory.Read(map.Start + (at - map.Offset), piece);
                    ObjectContent.CopyPiece(image, id, (long)at, piece);
                    done = at + (ulong)piece.Length;
                }
            }
        }
    }

    private static void RequireViews(
        TracedProcess process, MemoryMap map, ulong start, ulong end, List<(TracedProcess Process, MemoryMap Map)> views, SaveContext context)
    {
        views.Sort((a, b) => a.Map.Offset.CompareTo(b.Map.Offset));
        ulong seen = start;
        foreach ((_, MemoryMap view) in views)
        {
            if (view.Offset <= seen)
                seen = Math.Max(seen, view.Offset + view.Length);
        }
        if (seen < end)
        {
            context.Block(new Blocker(
                "MappedFileUnreadable", process.Pid, null, $"{map.Start}-{map.End} {map.Name}", "not all of the memory behind it is mapped, and without privileges it cannot be read in another way",
                "save as root, or with the capability CAP_CHECKPOINT_RESTORE"));
        }
    }

    private static string? FindDescriptor(MemoryMap map, SaveContext context)
    {
        foreach (TracedProcess process in context.Processes)
        {
            foreach (int fd in ProcFolders.Descriptors(process.Pid))
            {
                string reach = $"/proc/{process.Pid}/fd/{fd}";
                if (FileStatus.TryOfPath(reach) is { } status && status.Inode == map.Inode && FileCalls.ReadLink(reach) == map.Name)
                    return reach;
            }
        }
        return null;
    }

    private static JsonElement Json(SharedMemoryState state) => JsonSerializer.SerializeToElement(state, StateJson.Default.SharedMemoryState);
}
