using ProcMigrate.Linux;
using ProcMigrate.Linux.ProcFs;

namespace ProcMigrate.Engine.Kinds.Sockets;

/// <summary>Who holds a socket, for messages: a walk through all of /proc.</summary>
internal static class SocketOwners
{
    /// <summary>"redis-server (process 12)", or a word for nobody that can be seen.</summary>
    public static string Describe(ulong inode)
    {
        string link = $"socket:[{inode}]";
        foreach (int pid in ProcFolders.Processes())
        {
            if (Holds(pid, link))
                return $"{ProcStat.TryOf(pid)?.Name} (process {pid})";
        }
        return "a process that cannot be seen from here";
    }

    private static bool Holds(int pid, string link)
    {
        try
        {
            return ProcFolders.DescriptorLinks(pid).Contains(link);
        }
        catch (Exception e) when (e is LinuxException or IOException or UnauthorizedAccessException)
        {
            // It ended meanwhile, or is none of our business.
            return false;
        }
    }
}
