using System.Diagnostics;
using ProcMigrate.Linux.ProcFs;
using ProcMigrate.Linux.Ptrace;

namespace ProcMigrate.Engine.Freeze;

/// <summary>Waits for a thread to stop: eagerly at first, then in small sleeps, and not for ever.</summary>
internal struct StopPatience(int pid, int tid, CancellationToken cancel)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);
    private readonly long _start = Stopwatch.GetTimestamp();
    private int _rounds;

    public void Next()
    {
        cancel.ThrowIfCancellationRequested();
        if (++_rounds < 200)
        {
            Thread.Sleep(0);
            return;
        }
        Thread.Sleep(1);
        // A leader that somebody has killed is reported only when the other threads, of which we know, are gone.
        if (_rounds % 64 == 0)
            Tracer.CollectDeadThreads(pid);
        if (Stopwatch.GetElapsedTime(_start) < Limit)
            return;
        new FrozenGroups().Refuse(tid);
        char state = ProcStat.TryOf(tid)?.State ?? '?';
        throw new EngineException(
            [
                new Blocker(
                    "Unstoppable", pid, null, $"thread {tid}, in state {state}",
                    "it does not stop: it waits inside the kernel where nothing can interrupt it (a dead network file system, "
                    + "a device, or a vfork whose child still runs)",
                    $"look at /proc/{tid}/stack and /proc/{tid}/wchan; free what it waits for, then save again"),
            ],
            $"Thread {tid} of process {pid} did not stop within {Limit.TotalSeconds:0} seconds; everything runs on.");
    }
}
