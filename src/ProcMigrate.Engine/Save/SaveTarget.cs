using ProcMigrate.Linux.ProcFs;

namespace ProcMigrate.Engine.Save;

/// <summary>Whether a pid names something that can be saved at all; asked before anything is attached to.</summary>
internal static class SaveTarget
{
    public static void Validate(int pid)
    {
        if (pid <= 0)
            throw new EngineException("NoSuchProcess", FailureClass.Usage, $"{pid} is no process id: these begin at 1.");
        ProcStat stat = ProcStat.TryOf(pid) ?? throw new EngineException(
            "NoSuchProcess", FailureClass.Failed, $"There is no process {pid}. 'ps -e' lists those there are.");
        if (!Directory.Exists($"/proc/{pid}/task/{pid}") || ProcStatus.Of(pid).Number("Tgid") is var leader && leader != pid)
        {
            throw new EngineException(
                "NotAProcess", FailureClass.Usage,
                $"{pid} is a thread of process {ProcStatus.Of(pid).Number("Tgid")}; name the process.");
        }
        if (stat.IsKernelThread)
        {
            throw new EngineException(
                "KernelThread", FailureClass.Refused, $"Process {pid} ({stat.Name}) is a thread of the kernel; it has no program to save.");
        }
        if (stat.State is 'Z' or 'X')
        {
            throw new EngineException(
                "Zombie", FailureClass.Refused,
                $"Process {pid} ({stat.Name}) has ended and only waits for its parent {stat.ParentPid} to take notice; there is nothing left to save.");
        }
        RefuseOwnLine(pid, stat.Name);
        ProcessOne.Refuse(pid, stat.Name);
    }

    /// <summary>A process cannot be frozen by one that waits inside it.</summary>
    private static void RefuseOwnLine(int pid, string name)
    {
        for (int own = Environment.ProcessId; own > 0; own = ProcStat.TryOf(own)?.ParentPid ?? 0)
        {
            if (own != pid)
                continue;
            string who = own == Environment.ProcessId ? "this very command" : "an ancestor of this command (its shell, say)";
            throw new EngineException(
                "OwnAncestor", FailureClass.Refused,
                $"Process {pid} ({name}) is {who}: it would stop the save itself. Save it from another session.");
        }
    }
}
