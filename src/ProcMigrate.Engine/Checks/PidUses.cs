using ProcMigrate.Linux.ProcFs;

namespace ProcMigrate.Engine.Checks;

/// <summary>
/// What a number of a process is used for besides the process itself. The kernel gives it to nobody as long as a session or a process
/// group has it, which may outlive the process that founded them (setsid(2), setpgid(2); alloc_pid() in kernel/pid.c answers EEXIST).
/// </summary>
internal sealed class PidUses
{
    private readonly List<ProcStat> _processes;

    private PidUses(List<ProcStat> processes) => _processes = processes;

    /// <summary>The processes as they are now; one that ends meanwhile is left out.</summary>
    public static PidUses Read() => new([.. ProcFolders.Processes().Select(ProcStat.TryOf).OfType<ProcStat>()]);

    /// <summary>Who uses one of the numbers as session or group, and is none of these processes itself.</summary>
    public IEnumerable<PidUse> ByOthers(IReadOnlySet<int> numbers)
    {
        foreach (ProcStat process in _processes)
        {
            if (numbers.Contains(process.Pid))
                continue;
            if (numbers.Contains(process.SessionId))
                yield return new PidUse(process.SessionId, process, "session");
            else if (numbers.Contains(process.GroupId))
                yield return new PidUse(process.GroupId, process, "process group");
        }
    }
}

/// <param name="Kind">session or process group.</param>
internal sealed record PidUse(int Number, ProcStat By, string Kind)
{
    public bool ByZombie => By.State is 'Z' or 'X';
}
