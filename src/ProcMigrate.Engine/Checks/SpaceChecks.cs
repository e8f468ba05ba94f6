using System.Globalization;
using ProcMigrate.Engine.Bundle;
using ProcMigrate.Engine.Host;
using ProcMigrate.Engine.Kinds;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Image;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Checks;

/// <summary>Whether there is room here for a tree: in memory, where a bundle is unpacked, and on the disk that one from elsewhere passes through.</summary>
internal static class SpaceChecks
{
    /// <summary>A restore that runs out of memory half-way is undone, but whom the kernel ends first is chance.</summary>
    public static void Report(RestoreContext context)
    {
        CheckMemory(context);
        RestoreLimits.Check(context);
        CheckFiles(context);
    }

    /// <param name="spool">The folder through which the image would come.</param>
    public static void ReportSpool(string spool, RestoreContext context)
    {
        long needed = Needed(context), free = FreeIn(ref spool);
        if (free < needed)
        {
            context.Block(new Blocker(
                "DiskSpace", null, null, $"{needed:N0} bytes in {spool}", $"the tree passes through the disk, of which {free:N0} bytes are free",
                "make room there, or let XDG_STATE_HOME name a folder on another disk"));
        }
    }

    private static void CheckMemory(RestoreContext context)
    {
        long needed = Needed(context), available = AvailableMemory();
        string where = "";
        if (MemoryGroup.Narrowest() is { } group && group.Available < available)
            (available, where) = (group.Available, $" in the control group {group.Folder} of this command, which is limited to {group.Limit:N0}");
        if (available >= needed)
            return;
        // Pages that a parent shares with its children are in the image of each: it may be less than it seems.
        if (context.Options.Force)
        {
            context.WarnOnce($"{needed:N0} bytes of memory may be needed, and {available:N0} are available{where}");
            return;
        }
        context.Block(new Blocker(
            "MemorySpace", null, null, $"{needed:N0} bytes of memory", $"{available:N0} bytes are available{where}",
            where.Length > 0 ? "run it in another control group, or raise the limit of this one; --force tries, as processes may share some of it"
            : "end something else there, or add swap space; --force tries, as processes may share some of it"));
    }

    /// <summary>Files that the host may have already are not counted on either side: then <see cref="BundleUnpacker"/> tells.</summary>
    private static void CheckFiles(RestoreContext context)
    {
        if (context.Options.ReuseHostFiles || context.Options.Maps.Count > 0 || context.Bundle.Summary(context.Image) is not { } contents)
            return;
        string folder = context.Options.FilesFolder is { } asked ? PathCalls.Full(asked) : FilesFolder.StateFolder();
        long free = FreeIn(ref folder);
        if (free < contents.Bytes)
        {
            context.Block(new Blocker(
                "DiskSpace", null, null, $"{contents.Bytes:N0} bytes in {folder}", $"the files of the image are unpacked there, and {free:N0} bytes are free",
                "make room there, or name another folder with --files"));
        }
    }

    /// <summary>
    /// What the image says, for its memory may be yet to come; but not less than what is in it, unpacked: who wrote it is not known.
    /// </summary>
    private static long Needed(RestoreContext context)
    {
        const int CLONE_VM = 0x100;
        decimal needed = 0;
        foreach (ProcessRecord process in context.Tree.Processes)
            needed += Math.Max(process.MemoryBytes, (process.SharedWithParent & CLONE_VM) != 0 ? 0 : Unpacked(context.Image.MemoryOf(process.Pid)));
        foreach (ObjectRecord memory in context.Tree.Objects)
        {
            if (memory.Kind == SharedMemory.KindName)
                needed += Unpacked(context.Image.DataOf(memory.Id));
        }
        return (long)Math.Min(needed, long.MaxValue);
    }

    private static decimal Unpacked(IReadOnlyList<MemoryExtent> extents)
    {
        decimal bytes = 0;
        foreach (MemoryExtent extent in extents)
            bytes += extent.RawLength;
        return bytes;
    }

    /// <param name="folder">It need not be there yet: then what it will be made in.</param>
    private static long FreeIn(ref string folder)
    {
        while (!PathCalls.IsFolder(folder) && Path.GetDirectoryName(folder) is { } parent)
            folder = parent;
        return PathCalls.FreeBytes(folder);
    }

    private static long AvailableMemory()
    {
        long kilobytes = 0;
        foreach (string line in File.ReadLines("/proc/meminfo"))
        {
            if (line.StartsWith("MemAvailable:", StringComparison.Ordinal) || line.StartsWith("SwapFree:", StringComparison.Ordinal))
                kilobytes += long.Parse(line.AsSpan(line.IndexOf(':', StringComparison.Ordinal) + 1).Trim(" kB"), CultureInfo.InvariantCulture);
        }
        return kilobytes << 10;
    }
}
