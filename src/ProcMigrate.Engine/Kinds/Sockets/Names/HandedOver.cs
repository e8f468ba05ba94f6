using ProcMigrate.Engine.Save;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.ProcFs;

namespace ProcMigrate.Engine.Kinds.Sockets.Names;

/// <summary>
/// Sockets with an address that processes outside the tree have open, too: a service manager that listens for its services (socket
/// activation), a parent that handed one on. It keeps the address when the tree has ended, and so nobody else can have it on this host.
/// </summary>
internal sealed class HandedOver
{
    private const string Prefix = "socket:[";
    private readonly Dictionary<ulong, int> _outside = [];

    /// <summary>
    /// Looks at those that a process has its descriptors from: its ancestors, and the first process, which starts services. All the others of a
    /// busy host have some hundred thousand descriptors, and the tree stands still meanwhile.
    /// </summary>
    public HandedOver(SaveContext context)
    {
        HashSet<int> seen = [.. context.Processes.Select(p => p.Pid)];
        foreach (int root in context.Processes.Select(p => p.Pid))
        {
            for (int pid = ParentOf(root); pid > 0 && seen.Add(pid); pid = ParentOf(pid))
                Note(pid);
        }
        if (seen.Add(1))
            Note(1);
    }

    /// <returns>Who has it, "systemd (process 1)"; null where nobody outside the tree does.</returns>
    public string? HolderOf(ulong inode) =>
        _outside.TryGetValue(inode, out int pid) ? $"{ProcStat.TryOf(pid)?.Name} (process {pid})" : null;

    /// <summary>The same, and a warning with it.</summary>
    public static string? Told(SaveContext context, int pid, int fd, ulong inode, string address)
    {
        if (context.Shared(() => new HandedOver(context)).HolderOf(inode) is not { } holder)
            return null;
        context.Warnings.Add(
            $"descriptor {fd} of process {pid}: {holder} has the socket of {address} open, too (socket activation?), and keeps the address: "
            + "a restore on this host gets it only when that has closed it (of systemd: systemctl stop its .socket unit)");
        return holder;
    }

    /// <summary>For the blocker of a restore: what was seen at the save.</summary>
    public static string Why(string? holder) => holder is null ? "" : $"; at the save {holder} had the program's own socket open, too (socket activation?)";

    public static string Remedy(string? holder, string other) =>
        holder is null ? other : "let what hands the socket over close it (of systemd: systemctl stop its .socket unit, not the service manager), or restore on another host";

    private static int ParentOf(int pid) => ProcStat.TryOf(pid)?.ParentPid ?? 0;

    private void Note(int pid)
    {
        try
        {
            foreach (string link in ProcFolders.DescriptorLinks(pid))
            {
                if (link.StartsWith(Prefix, StringComparison.Ordinal) && ulong.TryParse(link.AsSpan(Prefix.Length, link.Length - Prefix.Length - 1), out ulong inode))
                    _outside.TryAdd(inode, pid);
            }
        }
        catch (LinuxException)
        {
            // It ended meanwhile, or is none of our business.
        }
    }
}
