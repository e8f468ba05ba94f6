using ProcMigrate.Linux;
using ProcMigrate.Linux.ProcFs;

namespace ProcMigrate.Engine.Save;

/// <summary>
/// Which processes outside the tree hold a pipe or FIFO. The kernel has no list of a pipe's users: all descriptors of the
/// machine are looked at, once, and only where some pipe makes the question arise.
/// </summary>
internal sealed class OutsideHolders
{
    private readonly Dictionary<string, int> _holders = [];

    private OutsideHolders()
    {
    }

    public static OutsideHolders Find(IReadOnlySet<int> tree, IReadOnlySet<string> links)
    {
        var found = new OutsideHolders();
        int own = Environment.ProcessId;
        foreach (int pid in ProcFolders.Processes())
        {
            if (pid != own && !tree.Contains(pid))
                found.LookAt(pid, links);
        }
        return found;
    }

    /// <summary>A process that has it open, or null.</summary>
    public int? Of(string link) => _holders.TryGetValue(link, out int pid) ? pid : null;

    /// <summary>"process 77 (bash)", or what can be said without knowing.</summary>
    public string Describe(string link) => Of(link) is { } pid
        ? $"process {pid} ({ProcStat.TryOf(pid)?.Name ?? "ended"})"
        : "a process outside the tree that cannot be looked into";

    private void LookAt(int pid, IReadOnlySet<string> links)
    {
        try
        {
            foreach (string link in ProcFolders.DescriptorLinks(pid))
            {
                if (links.Contains(link))
                    _holders.TryAdd(link, pid);
            }
        }
        catch (LinuxException e) when (e.Errno is Errno.ENOENT or Errno.ESRCH or Errno.EACCES or Errno.EPERM)
        {
            // It runs, unlike the tree: it may end while we look at it. Or it is another user's, and cannot share with us.
        }
    }
}
