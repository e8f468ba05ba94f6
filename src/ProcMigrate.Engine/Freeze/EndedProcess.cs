using ProcMigrate.Linux.ProcFs;

namespace ProcMigrate.Engine.Freeze;

/// <summary>
/// Tells of a frozen tree that somebody has ended a process of it, as the kernel does when memory runs out. From then on /proc answers for
/// it with nothing, or with errors of every kind; so the question is put once, when a step has failed, and before an image counts.
/// </summary>
internal sealed class EndedProcess(IReadOnlyCollection<int> threads, IReadOnlyList<TracedProcess> processes)
{
    private const int SignalBits = 0x7f;

    /// <summary>What to say of a process that has ended since its threads stood still; null where all are there.</summary>
    /// <param name="failure">What was met with because of it.</param>
    public EngineException? Find(Exception? failure)
    {
        const int Looks = 50;
        for (int look = 0; look < Looks; look++)
        {
            bool moving = false;
            foreach (int tid in threads)
            {
                if (ProcStat.TryOf(tid) is not { State: not ('Z' or 'X') } stat)
                    return Tell(tid, failure);
                // Who stands is in state t; the others are on their way out, or in a call for us.
                moving |= stat.State is not ('t' or 'T');
            }
            if (!moving)
                return null;
            Thread.Sleep(2);
        }
        return null;
    }

    private EngineException Tell(int tid, Exception? failure)
    {
        TracedProcess? process = processes.FirstOrDefault(p => p.Threads.Any(t => t.Tid == tid));
        int pid = process?.Pid ?? tid;
        ProcStat? stat = ProcStat.TryOf(pid) ?? process?.Stat;
        string name = stat is null ? "" : $" ({stat.Name})", how = ((stat?.ExitCode ?? 0) & SignalBits) is > 0 and var signal ? $" by signal {signal}" : "";
        return new EngineException(
            "ProgramEnded", FailureClass.Failed,
            $"Process {pid}{name} of the tree was ended{how} by somebody else while it was being saved. Nothing is saved; what is left of the tree runs on.", failure);
    }
}
