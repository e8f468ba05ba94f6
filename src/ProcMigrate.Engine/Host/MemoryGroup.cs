using System.Globalization;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Host;

/// <summary>
/// The control group (cgroups(7)) by which the memory of this command is limited, and so that of all that it makes: the kernel ends a process
/// in it when it is full, whatever the machine has.
/// </summary>
internal static class MemoryGroup
{
    // "No limit" of version 1 is the highest number of pages.
    private const long Unlimited = 1L << 62;

    /// <summary>The group, of ours and those around it, with the least room; null where none has a limit.</summary>
    public static (string Folder, long Limit, long Available)? Narrowest()
    {
        var folders = new ControlGroupFolders();
        (string Folder, long Limit, long Available)? narrowest = null;
        foreach (string line in FileCalls.ReadText("/proc/self/cgroup").Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            // 4:memory:/a/b, and 0::/a/b for version 2.
            string[] parts = line.Split(':', 3);
            bool second = parts[1].Length == 0;
            if (!second && !parts[1].Split(',').Contains("memory") || folders.Of(parts[1], parts[2]) is not { } own)
                continue;
            for (string? folder = own; folder is not null && File.Exists($"{folder}/cgroup.procs"); folder = Path.GetDirectoryName(folder))
            {
                if (Room(folder, second) is { } room && (narrowest is null || room.Available < narrowest.Value.Available))
                    narrowest = (folder, room.Limit, room.Available);
            }
        }
        return narrowest;
    }

    /// <summary>For a process that was killed: whether it may have been by the kernel, since its group was full; else nothing.</summary>
    public static string Hint(int signal)
    {
        const int SIGKILL = 9;
        return signal == SIGKILL && Narrowest() is { } group
            ? $" The control group {group.Folder} of this command is limited to {group.Limit:N0} bytes of memory: where it is full, the kernel kills."
            : "";
    }

    private static (long Limit, long Available)? Room(string folder, bool second)
    {
        string limits = $"{folder}/{(second ? "memory.max" : "memory.limit_in_bytes")}";
        // The root of version 2 has none, nor has a group whose parent does not give it the controller.
        if (!File.Exists(limits) || !long.TryParse(FileCalls.ReadText(limits).AsSpan().Trim(), CultureInfo.InvariantCulture, out long limit) || limit >= Unlimited)
            return null;
        long used = long.Parse(FileCalls.ReadText($"{folder}/{(second ? "memory.current" : "memory.usage_in_bytes")}").AsSpan().Trim(), CultureInfo.InvariantCulture);
        // The page cache in it gives way.
        return (limit, limit - used + Cache($"{folder}/memory.stat", second ? "file " : "total_cache "));
    }

    private static long Cache(string path, string name) => FileCalls.ReadText(path).Split('\n')
        .Where(l => l.StartsWith(name, StringComparison.Ordinal)).Sum(l => long.Parse(l.AsSpan(name.Length), CultureInfo.InvariantCulture));
}
