using ProcMigrate.Linux;
using ProcMigrate.Linux.ProcFs;

namespace ProcMigrate.Engine.Save;

/// <summary>
/// Process 1 of a pid namespace. Its pid can be given to nobody again: on a host init has it, in a namespace that a restore makes, the
/// process that looks after it. And from inside it cannot be ended: the kernel drops a SIGKILL to it (pid_namespaces(7)).
/// </summary>
internal static class ProcessOne
{
    private const int Named = 5;

    public static bool Is(int pid) => ProcStatus.Of(pid).Numbers("NSpid") is [.., 1];

    /// <summary>What to do instead of saving it.</summary>
    public static string Remedy(int pid)
    {
        List<int> children = ProcFolders.Children(pid);
        return children.Count > 0
            ? $"save what it has started, without it: procmigrate save {string.Join(' ', children.Take(Named))}{(children.Count > Named ? " …" : "")}"
            : "start the program as a child of process 1 (unshare -pf --mount-proc sh -c 'PROGRAM; true'; bwrap does so without --as-pid-1; docker run --init), and save that child";
    }

    public static void Refuse(int pid, string name)
    {
        if (Is(pid))
        {
            throw new EngineException(
                "ProcessOne", FailureClass.Refused,
                $"Process {pid} ({name}) is process 1 of its pid namespace, a number that no restore could give it: it is always taken. Instead, {Remedy(pid)}.");
        }
    }
}
