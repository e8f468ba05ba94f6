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

    /// <summary>What to do instead of saving it. It may end with its children, and all in the namespace with it: so they are not ended by the save.</summary>
    public static string Remedy(int pid)
    {
        List<int> children = ProcFolders.Children(pid);
        if (children.Count == 0)
            return "start the program as a child of process 1 (unshare -pf --mount-proc sh -c 'PROGRAM; true'; docker run --init), and save that child";
        string enter = pid == 1 ? "" : $"nsenter -t {pid} -a ";
        IEnumerable<uint> inner = children.Take(Named).Select(child => ProcStatus.Of(child).Numbers("NSpid")[^1]);
        return $"save what it has started, without it, and end that then: {enter}procmigrate save {string.Join(' ', inner)} --leave-running";
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
