using System.Diagnostics;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.ProcFs;
using ProcMigrate.Linux.Ptrace;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Freeze;

/// <summary>How it ends: killed, stopped, or let go.</summary>
internal sealed partial class FrozenTree
{
    /// <summary>All that can fail of <see cref="Kill"/>: a handle of every process.</summary>
    public void PrepareEnd() => _processes.ForEach(p => _ = p.PidFd);

    public bool IsKilled { get; private set; }

    /// <summary>Kills every process of the tree. Nothing of it runs in between: all are held until all are dead.</summary>
    /// <param name="killed">Called when none can be saved any more, though they have not ended yet.</param>
    /// <returns>Those that have not ended yet, killed as they are: one hangs in the kernel (a dead network file system, say) until it leaves it.</returns>
    public IReadOnlyList<int> Kill(Action? killed = null)
    {
        foreach (TracedProcess process in _processes)
            Signal(process, SIGKILL);
        IsKilled = true;
        killed?.Invoke();
        _ended = true;
        var left = new List<int>();
        long start = Stopwatch.GetTimestamp();
        // Our wait4 as tracer must collect each thread, or it stays a zombie that its own parent cannot reap.
        foreach (TracedThread thread in Threads.Reverse())
        {
            if (!Tracer.WaitForEnd(thread.Tid, EndPatience - Stopwatch.GetElapsedTime(start)))
                left.Add(thread.Tid);
        }
        return left;
    }

    /// <summary>Lets all go on, but stopped as by SIGSTOP: the signal is there before the thread is let go.</summary>
    public void LeaveStopped()
    {
        foreach (TracedProcess process in _processes)
            Signal(process, SIGSTOP);
    }

    /// <summary>From now on, should this process die, the tree does not run on but stops, as by SIGSTOP.</summary>
    public void Hold()
    {
        foreach (TracedProcess process in _processes)
        {
            if (process.Leader.StopSignal == 0 && PendingStop.Send(process.Pid))
                _held.Add(process);
        }
    }

    /// <summary>Takes <see cref="Hold"/> back.</summary>
    public void EndHold()
    {
        foreach (TracedProcess process in _held)
            PendingStop.TakeBack(process.Pid);
        _held.Clear();
    }

    public void Dispose()
    {
        if (!_ended)
        {
            foreach (TracedProcess process in _processes.Where(p => p.Threads.Any(t => t.StopSignalHeld)))
                Signal(process, SIGSTOP);
            AwaitStops();
            foreach (int tid in _attached)
                Detach(tid);
        }
        foreach (TracedProcess process in _processes)
            process.Dispose();
        _ended = true;
    }

    /// <summary>
    /// Where the freeze itself was ended, threads that were told to stop are still on their way, some with an EINTR of that (signal(7)). Each is
    /// seen to stand first, so that its call is made again, cancelled or not. One that hangs in the kernel is not waited for long: it has not
    /// left its call.
    /// </summary>
    private void AwaitStops()
    {
        long start = Stopwatch.GetTimestamp();
        foreach (int tid in _stopping)
        {
            try
            {
                while ((Stopwatch.GetElapsedTime(start) < LastPatience ? Tracer.Wait(tid, LastPatience) : Tracer.Poll(tid)) is { } status && !Comes(tid, status, out _))
                {
                }
            }
            catch (Exception e) when (e is LinuxException { Errno: Errno.ESRCH } or EngineException)
            {
                // Killed meanwhile; or a 32-bit thread, which goes on with the registers that it has.
            }
        }
        _stopping.Clear();
    }

    private static void Signal(TracedProcess process, int signal)
    {
        try
        {
            process.PidFd.Signal(signal);
        }
        catch (LinuxException e) when (e.Errno == Errno.ESRCH)
        {
            // Ended by somebody else.
        }
    }

    private static void Detach(int tid)
    {
        long result = Tracer.TryRequest(PtraceRequest.PTRACE_DETACH, tid, 0, 0);
        // ESRCH: killed by someone else while we held it; there is nothing left to let go.
        if (result != -Errno.ESRCH)
            RawSyscall.Check(result, "PTRACE_DETACH", $"thread {tid}");
    }
}
