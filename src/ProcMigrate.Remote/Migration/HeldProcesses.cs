using ProcMigrate.Linux;
using ProcMigrate.Linux.Processes;
using ProcMigrate.Linux.ProcFs;

namespace ProcMigrate.Remote.Migration;

/// <summary>The processes of a migration whose engine died: stopped, until it is settled whether they go on or end.</summary>
internal static class HeldProcesses
{
    private const int SIGKILL = 9;
    private const int SIGCONT = 18;
    private static readonly TimeSpan EndPatience = TimeSpan.FromSeconds(10);

    public static void LetRun(List<string> lines)
    {
        foreach ((int pid, bool runs) in MigrationFolder.LivingIn(lines))
        {
            if (runs && ProcStat.TryOf(pid) is { State: 'T' })
                Signal(pid, SIGCONT);
        }
    }

    /// <summary>Ends them, and waits until they have.</summary>
    public static void Kill(List<string> lines)
    {
        foreach ((int pid, _) in MigrationFolder.LivingIn(lines))
            Signal(pid, SIGKILL);
        for (var start = DateTime.UtcNow; MigrationFolder.LivingIn(lines).Count > 0 && DateTime.UtcNow - start < EndPatience;)
            Thread.Sleep(10);
    }

    private static void Signal(int pid, int signal)
    {
        try
        {
            using PidFd process = PidFd.Open(pid);
            process.Signal(signal);
        }
        catch (LinuxException e) when (e.Errno == Errno.ESRCH)
        {
            // It has just ended by itself.
        }
    }
}
