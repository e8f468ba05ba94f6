using System.Diagnostics;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.ProcFs;
using ProcMigrate.Linux.Ptrace;

namespace ProcMigrate.Engine.Freeze;

/// <summary>
/// A process tree that stands still. Disposing lets every thread run on as if nothing had been; so does the end of this
/// process at any instant, since ptrace detaches by itself.
/// </summary>
internal sealed partial class FrozenTree : IDisposable
{
    private const int SIGKILL = 9;
    private const int SIGSTOP = 19;

    private static readonly TimeSpan EndPatience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LastPatience = TimeSpan.FromSeconds(1);

    private readonly List<TracedProcess> _processes = [];
    private readonly List<ZombieRecord> _zombies = [];
    private readonly HashSet<int> _attached = [];
    // Told to stop, and not seen to stand yet.
    private readonly HashSet<int> _stopping = [];
    private readonly Dictionary<int, WaitStart> _waits = [];
    private readonly TimerWatch _timers = new();
    private readonly List<TracedProcess> _held = [];
    private readonly FrozenGroups _groups = new();
    private bool _ended;

    /// <summary>Parents before children.</summary>
    public IReadOnlyList<TracedProcess> Processes => _processes;

    /// <summary>Ended children that their parents have not waited for.</summary>
    public IReadOnlyList<ZombieRecord> Zombies => _zombies;

    public IEnumerable<TracedThread> Threads => _processes.SelectMany(p => p.Threads);

    /// <summary>Freezes the processes and, if asked, all their descendants.</summary>
    public static FrozenTree Freeze(IReadOnlyList<int> pids, bool children, CancellationToken cancel)
    {
        var tree = new FrozenTree();
        try
        {
            foreach (int pid in pids)
            {
                if (!tree.FreezeWithChildren(pid, children, cancel))
                    throw new EngineException("NoSuchProcess", FailureClass.Failed, $"Process {pid} has ended.");
            }
            return tree;
        }
        catch (Exception e)
        {
            EngineException? lost = tree.Lost(e);
            tree.Dispose();
            if (lost is not null)
                throw lost;
            throw;
        }
    }

    /// <summary>Insists that nobody has ended a part of the tree: what was read of it since would be half of the truth.</summary>
    public void RequireWhole()
    {
        if (!_ended && !_attached.All(Tracer.Stands) && new EndedProcess(_attached, _processes).Find(null) is { } ended)
            throw ended;
    }

    /// <summary>Why a step failed, where it is because a process of the tree has ended meanwhile, whatever the step met with then; else null.</summary>
    public EngineException? Lost(Exception failure) =>
        _ended || failure is OperationCanceledException or EngineException { Id: "ProgramEnded" } ? null : new EndedProcess(_attached, _processes).Find(failure);

    /// <summary>
    /// Generation by generation: children are known for certain once their parent stands, and of hundreds of siblings the stops overlap.
    /// </summary>
    /// <returns>False where the root ended before it stood still.</returns>
    private bool FreezeWithChildren(int root, bool children, CancellationToken cancel)
    {
        List<StoppingProcess> generation = _processes.Any(p => p.Pid == root) ? [] : [new StoppingProcess(root, 0)];
        while (generation.Count > 0)
        {
            foreach (StoppingProcess process in generation)
            {
                _groups.Refuse(process.Pid);
                process.Stopping = SeizeFresh(process, cancel);
            }
            var next = new List<StoppingProcess>();
            foreach (StoppingProcess process in generation)
            {
                if (Finish(process, cancel) is { } stopped)
                {
                    _processes.Add(stopped);
                    if (children)
                        next.AddRange(ProcFolders.Children(process.Pid).Where(c => Lives(c, process.Pid)).Select(c => new StoppingProcess(c, process.Pid)));
                }
                else if (process.Parent != 0 && Lives(process.Pid, process.Parent))
                {
                    next.Add(new StoppingProcess(process.Pid, process.Parent));
                }
            }
            generation = next;
        }
        return _processes.Any(p => p.Pid == root);
    }

    /// <summary>A child may end until it is held: into a zombie for its parent, or into nothing where that one ignores SIGCHLD.</summary>
    private bool Lives(int child, int parent)
    {
        if (ProcStat.TryOf(child) is not { } stat)
            return false;
        if (stat.State is 'Z' && ProcFolders.TryThreads(child).Count <= 1)
        {
            _zombies.Add(new ZombieRecord(child, parent, stat.GroupId, stat.SessionId, stat.Name, stat.ExitCode));
            return false;
        }
        return _processes.All(p => p.Pid != child);
    }

    /// <summary>Has all threads that are not known yet stop; those returned are still to be waited for.</summary>
    private List<int> SeizeFresh(StoppingProcess process, CancellationToken cancel)
    {
        List<int> fresh = [.. ProcFolders.TryThreads(process.Pid).Where(t => !process.Stopped.ContainsKey(t))];
        // 1. Threads in calls that answer our interruption with EINTR, one at a time: each is told to start its call again
        //    as soon as it stands. Should we be killed in between, the program sees that EINTR (signal(7) warns of it),
        //    so the time between is kept as short as it can be. And those that were stopped in a timed call before: their timers
        //    are seen to end.
        ILookup<bool, int> delicate = fresh.ToLookup(tid => InterruptedCall.IsDelicate(tid, _timers));
        foreach (int tid in delicate[true])
        {
            if (Seize(process.Pid, tid))
                WaitInto(process, tid, cancel);
        }
        // 2. All others are told to stop before any is waited for: the stops overlap.
        return [.. delicate[false].Where(tid => Seize(process.Pid, tid))];
    }

    /// <returns>Null where the process has ended meanwhile.</returns>
    private TracedProcess? Finish(StoppingProcess process, CancellationToken cancel)
    {
        // Until no thread has appeared meanwhile: all of them stand, and none can make another.
        for (int known = -1; process.Stopping.Count > 0 || process.Stopped.Count > known;)
        {
            foreach (int tid in process.Stopping)
                WaitInto(process, tid, cancel);
            known = process.Stopped.Count;
            process.Stopping = SeizeFresh(process, cancel);
        }
        Dictionary<int, TracedThread> threads = process.Stopped;
        if (!threads.ContainsKey(process.Pid))
            ForgetEnded(threads);
        if (threads.Remove(process.Pid, out TracedThread? leader))
            return new TracedProcess(process.Pid, ProcStat.Of(process.Pid), [leader, .. threads.Values.OrderBy(t => t.Tid)]);
        return threads.Count == 0
            ? null
            : throw new EngineException(
                "LeaderGone", FailureClass.Refused,
                $"The main thread of process {process.Pid} has ended; such a process cannot be saved.");
    }

    /// <summary>A process that is killed takes those of its threads along that stood already.</summary>
    private void ForgetEnded(Dictionary<int, TracedThread> threads)
    {
        foreach (int tid in threads.Keys.Where(t => !Tracer.Stands(t)).ToList())
        {
            Tracer.WaitForEnd(tid, EndPatience);
            threads.Remove(tid);
            _attached.Remove(tid);
        }
    }

    /// <returns>False where the thread has ended meanwhile.</returns>
    private bool Seize(int pid, int tid)
    {
        long result = Tracer.TryRequest(PtraceRequest.PTRACE_SEIZE, tid, 0, (nint)PtraceOptions.TraceSysGood);
        if (result == -Errno.ESRCH)
            return false;
        if (result == -Errno.EPERM)
        {
            // The kernel says EPERM of a thread on its way out, too (exit_state is set before it leaves the list).
            if (ProcStat.TryOf(tid) is null or { State: 'Z' or 'X' })
                return false;
            throw FreezeErrors.NotPermitted(pid, tid);
        }
        RawSyscall.Check(result, "PTRACE_SEIZE", $"thread {tid}");
        _attached.Add(tid);
        _stopping.Add(tid);
        if (WaitStart.Of(tid, _timers) is { } wait)
            _waits[tid] = wait;
        // ESRCH here: it ended since, and its end is reported by wait4.
        Tracer.TryRequest(PtraceRequest.PTRACE_INTERRUPT, tid, 0, 0);
        return true;
    }

    private void WaitInto(StoppingProcess process, int tid, CancellationToken cancel)
    {
        if (WaitForStop(process.Pid, tid, cancel) is { } thread)
            process.Stopped.Add(tid, thread);
    }

    /// <returns>Null where the thread ended instead.</returns>
    private TracedThread? WaitForStop(int pid, int tid, CancellationToken cancel)
    {
        var kernelCode = new KernelCode(pid);
        var patience = new StopPatience(pid, tid, cancel);
        while (true)
        {
            if (Tracer.Poll(tid) is not { } status)
            {
                patience.Next();
                continue;
            }
            if (!Comes(tid, status, out TracedThread? thread))
                continue;
            if (thread is { StopSignal: 0 } && kernelCode.Holds(thread.Registers) && kernelCode.LetLeave(tid))
            {
                _stopping.Add(tid);
                continue;
            }
            return thread;
        }
    }

    /// <returns>Whether that was the stop waited for, or the thread's end (null): if not, it is on its way to it again.</returns>
    private bool Comes(int tid, WaitStatus status, out TracedThread? thread)
    {
        thread = null;
        if (status.Ended)
        {
            _stopping.Remove(tid);
            _attached.Remove(tid);
        }
        else if (status.IsEventStop)
        {
            _stopping.Remove(tid);
            thread = TracedThread.Capture(tid, status.IsGroupStop ? status.StopSignal : 0, _waits.GetValueOrDefault(tid));
        }
        else
        {
            // A signal came first. It is delivered as it would have been, and our stop comes right behind it, before the handler's
            // first instruction. It is asked for again: any stop clears one that is still due (ptrace_stop() in kernel/signal.c, Linux
            // 6.18), and where signals come one after the other, each time another would be there first.
            Tracer.TryRequest(PtraceRequest.PTRACE_INTERRUPT, tid, 0, 0);
            Tracer.Continue(tid, status.IsSignalDelivery ? status.StopSignal : 0);
            return false;
        }
        return true;
    }
}
