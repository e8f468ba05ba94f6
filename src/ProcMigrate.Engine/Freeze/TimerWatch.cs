using ProcMigrate.Linux.ProcFs;

namespace ProcMigrate.Engine.Freeze;

/// <summary>
/// The kernel's timers while the threads of a tree are stopped. The list tells those of the whole host, so that reading it takes the longer the
/// more threads sleep: it is read once a stop at most, and only for so many stops.
/// </summary>
internal sealed class TimerWatch
{
    private const int Most = 24;

    private readonly HashSet<int> _taken = [];
    private TimerList? _last;

    public bool HasRoom => _taken.Count < Most;

    /// <returns>False where there have been too many.</returns>
    public bool TryTake(int tid)
    {
        if (HasRoom)
            _taken.Add(tid);
        return _taken.Contains(tid);
    }

    /// <summary>Whether this thread's timer is seen to end.</summary>
    public bool Takes(int tid) => _taken.Contains(tid);

    /// <summary>
    /// Before a thread is stopped. The list after the stop before serves as well: what else ends in between adds timers to choose from, and
    /// the latest counts; and a wait that is taken up again after a stop keeps its deadline.
    /// </summary>
    public TimerList? Before() => _last ??= TimerList.TryRead();

    /// <summary>After it.</summary>
    public TimerList? After() => _last = TimerList.TryRead();
}
