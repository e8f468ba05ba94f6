namespace ProcMigrate.Tests.Engine.Births;

/// <summary>What the kernel does with pids, parents, sessions and process groups, and what it refuses.</summary>
internal sealed class ModelKernel
{
    internal const int Init = 1;
    private readonly SortedDictionary<int, Process> processes = [];
    private int last = Init;

    internal ModelKernel() => processes[Init] = new Process { Pid = Init, Session = Init, Group = Init };

    internal sealed class Process
    {
        internal required int Pid { get; init; }
        internal int Parent { get; set; }
        internal required int Session { get; set; }
        internal required int Group { get; set; }
        internal bool Subreaper { get; set; }
        internal bool Ended { get; set; }
    }

    internal IEnumerable<Process> All => processes.Values;

    internal Process this[int pid] => processes[pid];

    internal bool Exists(int pid) => processes.ContainsKey(pid);

    internal int Fork(int parent, int wanted = 0)
    {
        if (wanted != 0 && IsUsed(wanted))
            throw new InvalidOperationException($"EEXIST: {wanted}");
        var pid = wanted;
        if (pid == 0)
        {
            while (IsUsed(++last))
            {
            }
            pid = last;
        }
        var mother = Living(parent);
        processes[pid] = new Process { Pid = pid, Parent = parent, Session = mother.Session, Group = mother.Group };
        return pid;
    }

    internal bool IsUsed(int number) => processes.ContainsKey(number) || processes.Values.Any(p => p.Session == number || p.Group == number);

    internal bool TrySetSession(int pid)
    {
        if (processes.Values.Any(p => p.Group == pid))
            return false;
        var self = Living(pid);
        (self.Session, self.Group) = (pid, pid);
        return true;
    }

    internal bool TrySetGroup(int pid, int group)
    {
        var self = Living(pid);
        if (self.Session == pid || group != pid && !processes.Values.Any(p => p.Group == group && p.Session == self.Session))
            return false;
        self.Group = group;
        return true;
    }

    /// <summary>It stays a zombie until it is waited for; init waits at once.</summary>
    internal void Exit(int pid)
    {
        var self = Living(pid);
        self.Ended = true;
        var reaper = Init;
        for (var at = self.Parent; at > Init; at = processes[at].Parent)
        {
            if (processes[at].Subreaper && !processes[at].Ended)
            {
                reaper = at;
                break;
            }
        }
        foreach (var child in processes.Values.Where(p => p.Parent == pid).ToList())
        {
            child.Parent = reaper;
            if (child.Ended && reaper == Init)
                processes.Remove(child.Pid);
        }
        if (self.Parent <= Init)
            processes.Remove(pid);
    }

    internal void Reap(int pid)
    {
        if (!processes[pid].Ended)
            throw new InvalidOperationException($"{pid} lives");
        processes.Remove(pid);
    }

    private Process Living(int pid) =>
        processes.TryGetValue(pid, out var process) && !process.Ended ? process : throw new InvalidOperationException($"ESRCH: {pid}");
}
