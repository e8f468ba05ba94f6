using System.Diagnostics;

namespace ProcMigrate.SystemTests.Harness;

/// <summary>
/// Random instants over the run of a command. How long a run takes varies with the load of the machine, so the window follows what is
/// seen: some four of ten runs come to their end, the others are met everywhere on their way.
/// </summary>
internal sealed class Instants(int seed)
{
    private readonly Random chance = new(seed);
    private TimeSpan window = TimeSpan.FromMilliseconds(80);

    /// <summary>Waits a random part of the window; finer than Thread.Sleep.</summary>
    internal void Wait()
    {
        TimeSpan delay = window * chance.NextDouble();
        long start = Stopwatch.GetTimestamp();
        if (delay > TimeSpan.FromMilliseconds(3))
            Thread.Sleep(delay - TimeSpan.FromMilliseconds(2));
        while (Stopwatch.GetElapsedTime(start) < delay)
            Thread.SpinWait(50);
    }

    /// <summary>To be told of each run whether it came to its end.</summary>
    internal void Saw(bool complete) => window *= complete ? 0.9 : 1.07;
}
