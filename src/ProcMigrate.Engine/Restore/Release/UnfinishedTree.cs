using System.Diagnostics;
using ProcMigrate.Engine.Host;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.ProcFs;
using ProcMigrate.Linux.Ptrace;

namespace ProcMigrate.Engine.Restore.Release;

/// <summary>The processes of a tree whose restore has failed: those of its pids that are traced by us.</summary>
internal sealed class UnfinishedTree(TreeRecord tree)
{
    private const int SignalBits = 0x7f;

    /// <summary>Why a step failed, where it is because somebody has killed a process of the tree meanwhile; else null.</summary>
    public EngineException? Lost(Exception failure)
    {
        const int Looks = 50;
        if (failure is OperationCanceledException or EngineException { Id: "RestoreDied" })
            return null;
        for (int look = 0; look < Looks; look++)
        {
            bool moving = false;
            foreach (ProcessRecord process in tree.Processes.Where(p => IsOurs(p.Pid)))
            {
                ProcStat? stat = ProcStat.TryOf(process.Pid);
                if (stat is null or { State: 'Z' or 'X' })
                    return Tell(process, stat, failure);
                moving |= stat.State is not ('t' or 'T');
            }
            // Only a call to it that failed can mean that it is about to end.
            if (!moving || failure is not LinuxException)
                return null;
            Thread.Sleep(2);
        }
        return null;
    }

    /// <summary>Kills all, and returns when they have ended: nothing is left of them then.</summary>
    public void End()
    {
        List<int> ours = [.. tree.Processes.Select(p => p.Pid).Concat(tree.Zombies.Select(z => z.Pid)).Where(IsOurs)];
        foreach (int pid in ours)
            OwnedProcess.Signal(pid, OwnedProcess.SIGKILL);
        long start = Stopwatch.GetTimestamp();
        foreach (int pid in ours)
        {
            // The leader last: it is not reported before the others are gone.
            foreach (int tid in ProcFolders.TryThreads(pid).OrderBy(t => t == pid))
                Tracer.WaitForEnd(tid, OwnedThread.EndPatience - Stopwatch.GetElapsedTime(start));
        }
    }

    private static EngineException Tell(ProcessRecord process, ProcStat? stat, Exception failure)
    {
        int signal = (stat?.ExitCode ?? 0) & SignalBits;
        string how = signal > 0 ? $" by signal {signal}" : "";
        return new EngineException(
            "RestoreDied", FailureClass.Failed,
            $"Process {process.Pid} ({process.Name}) was ended{how} by somebody else while it was being restored; nothing is left of the tree.{MemoryGroup.Hint(signal)}", failure);
    }

    /// <summary>Traced by a thread of this process.</summary>
    private static bool IsOurs(int pid)
    {
        try
        {
            return ProcStatus.Of(pid).Number("TracerPid") is > 0 and var tracer && Directory.Exists($"/proc/self/task/{tracer}");
        }
        catch (LinuxException e) when (e.Errno is Errno.ENOENT or Errno.ESRCH)
        {
            return false;
        }
    }
}
