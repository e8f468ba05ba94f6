using System.Globalization;
using ProcMigrate.Engine.Restore;

namespace ProcMigrate.Engine.Checks;

/// <summary>Whether there is room here for a tree that is still elsewhere: on the disk that it passes through, and in memory.</summary>
internal static class SpaceChecks
{
    public static void Report(string spool, RestoreContext context)
    {
        long needed = context.Tree.Processes.Sum(p => p.MemoryBytes);
        // The folder need not be there yet.
        while (!Directory.Exists(spool) && Path.GetDirectoryName(spool) is { } parent)
            spool = parent;
        long free = new DriveInfo(spool).AvailableFreeSpace;
        if (free < needed)
        {
            context.Block(new Blocker(
                "DiskSpace", null, null, $"{needed:N0} bytes in {spool}", $"the tree passes through the disk, of which {free:N0} bytes are free",
                "make room there, or let XDG_STATE_HOME name a folder on another disk"));
        }
        long available = AvailableMemory();
        if (available < needed)
        {
            context.Block(new Blocker(
                "MemorySpace", null, null, $"{needed:N0} bytes of memory", $"{available:N0} bytes are available", "end something else there, or add swap space"));
        }
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
