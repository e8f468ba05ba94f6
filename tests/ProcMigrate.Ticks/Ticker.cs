using System.Diagnostics;

namespace ProcMigrate.Ticks;

/// <summary>Counts the ticks of a timer, and the longest time between two by the clock that does not jump.</summary>
internal sealed class Ticker(string name)
{
    /// <summary>By how much the wall clock may be corrected meanwhile; a shift by another uptime is of days.</summary>
    public static readonly TimeSpan ClockError = TimeSpan.FromSeconds(5);

    // No more than a busy machine may keep a thread waiting.
    private static readonly TimeSpan MaxGap = TimeSpan.FromSeconds(30);
    private readonly Lock _lock = new();
    private long _count;
    private long _last = Stopwatch.GetTimestamp();
    private TimeSpan _longest;
    private bool _back;

    public long Count
    {
        get
        {
            lock (_lock)
                return _count;
        }
    }

    public void Tick()
    {
        lock (_lock)
        {
            long now = Stopwatch.GetTimestamp();
            TimeSpan gap = Stopwatch.GetElapsedTime(_last, now);
            _back |= gap < TimeSpan.Zero;
            _longest = gap > _longest ? gap : _longest;
            _last = now;
            _count++;
        }
    }

    /// <param name="before">The count when a stretch of time began, of the length <paramref name="watched"/>.</param>
    /// <param name="life">All the time since the start, by the wall clock; with what the program was away.</param>
    public void Judge(long before, TimeSpan watched, TimeSpan life, TimeSpan period, List<string> why)
    {
        lock (_lock)
        {
            long due = (long)(watched / period), got = _count - before;
            // A busy machine loses ticks, and lets some come late; clocks that have jumped lose all, or bring millions.
            if (got < due / 8 || got > 3 * due)
                why.Add($"{name}: {got} ticks where {due} were due");
            if (_count > (life + ClockError) / period)
                why.Add($"{name}: {_count} ticks in {life}");
            if (_back || _longest > MaxGap)
                why.Add($"{name}: the clock stood or jumped by {_longest}{(_back ? ", and back" : "")}");
        }
    }
}
