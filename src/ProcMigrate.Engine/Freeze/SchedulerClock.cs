using ProcMigrate.Linux;
using ProcMigrate.Linux.Processes;
using ProcMigrate.Linux.ProcFs;

namespace ProcMigrate.Engine.Freeze;

/// <summary>
/// The clocks by which the scheduler reckons: each processor has its own, which leaves out what interrupts and the host of a virtual machine
/// take. A thread of ours, bound to the processor, tells how far its clock is behind CLOCK_MONOTONIC.
/// </summary>
internal sealed class SchedulerClock
{
    // Where others want the processor, too, it may take a while until it is ours again, and the program stands still.
    private const int Tries = 4;
    private const long GoodEnough = 20_000;

    private readonly Dictionary<int, long?> _behind = [];

    /// <returns>Null where it cannot be told: we may not run on that processor, or this kernel shows nothing.</returns>
    public long? Behind(int cpu)
    {
        if (!_behind.TryGetValue(cpu, out long? behind))
            _behind[cpu] = behind = MeasureOn(cpu);
        return behind;
    }

    private static long? MeasureOn(int cpu)
    {
        long? behind = null;
        var thread = new Thread(() => behind = Measure(cpu)) { Name = "clock" };
        thread.Start();
        thread.Join();
        return behind;
    }

    private static long? Measure(int cpu)
    {
        byte[] only = new byte[cpu / 64 * 8 + 8];
        only[cpu / 8] = (byte)(1 << cpu % 8);
        try
        {
            Scheduling.SetAffinity(0, only);
        }
        catch (LinuxException)
        {
            return null;
        }
        long best = long.MaxValue;
        long? behind = null;
        for (int i = 0; i < Tries && best > GoodEnough; i++)
        {
            long before = Clock.Now(Clock.CLOCK_MONOTONIC);
            // The scheduler reckons our own time anew.
            Thread.Yield();
            long after = Clock.Now(Clock.CLOCK_MONOTONIC);
            if (SchedulerFacts.TryOwn() is not { } own)
                return null;
            // The later end: so a wait is rather taken for shorter than it was.
            if (after - before < best)
                (best, behind) = (after - before, after - own.ExecStartNs);
        }
        return behind;
    }
}
