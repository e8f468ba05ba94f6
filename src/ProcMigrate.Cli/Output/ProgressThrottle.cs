namespace ProcMigrate.Cli.Output;

/// <summary>Lets at most ten a second through.</summary>
internal sealed class ProgressThrottle(TimeProvider clock)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);
    private long? last;

    public bool IsDue()
    {
        var now = clock.GetTimestamp();
        if (last is { } before && clock.GetElapsedTime(before, now) < Interval)
            return false;
        last = now;
        return true;
    }
}
