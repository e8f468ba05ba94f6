using System.Collections.Concurrent;

namespace ProcMigrate.PowerShell.Running;

/// <summary>
/// Runs side by side, a thread each. What they say comes out of <see cref="Take"/> on the thread of the pipeline,
/// the only one on which a cmdlet may write.
/// </summary>
internal sealed class RunPool(Func<VerbRun, IRun> create) : IDisposable
{
    private readonly BlockingCollection<RunEvent> events = [];
    private readonly Dictionary<int, (IRun Run, Thread Thread)> running = [];
    private readonly Lock gate = new();
    private bool interrupted;
    private int started;

    /// <summary>Runs whose last event has not been taken yet.</summary>
    public int Running
    {
        get
        {
            lock (gate)
                return running.Count;
        }
    }

    public void Start(VerbRun verb)
    {
        lock (gate)
        {
            var number = ++started;
            var run = create(verb);
            // Told already: it says so without having begun.
            if (interrupted)
                run.Interrupt();
            var thread = new Thread(() => Execute(verb, number, run)) { IsBackground = true, Name = $"procmigrate {number}" };
            running.Add(number, (run, thread));
            thread.Start();
        }
    }

    /// <summary>The next event; waits for it as long as a run is under way.</summary>
    public RunEvent Take()
    {
        var next = events.Take();
        if (next.Answer is not null || next.Failure is not null)
            Forget(next.Number);
        return next;
    }

    /// <summary>Asks all runs to undo what they began and end; callable from any thread.</summary>
    public void Interrupt()
    {
        lock (gate)
        {
            interrupted = true;
            foreach (var (run, _) in running.Values)
                run.Interrupt();
        }
    }

    /// <summary>Interrupts what still runs, and returns when it has ended: then everything is undone.</summary>
    public void Dispose()
    {
        Interrupt();
        while (Running > 0)
            Take();
        events.Dispose();
    }

    private void Execute(VerbRun verb, int number, IRun run)
    {
        var last = new RunEvent(verb, number);
        try
        {
            var answer = run.Run(
                progress => events.Add(new RunEvent(verb, number) { Progress = progress }),
                line => events.Add(new RunEvent(verb, number) { Line = line }));
            events.Add(last with { Answer = answer });
        }
#pragma warning disable CA1031 // It is thrown again on the thread of the pipeline.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            events.Add(last with { Failure = failure });
        }
    }

    private void Forget(int number)
    {
        IRun run;
        Thread thread;
        lock (gate)
        {
            (run, thread) = running[number];
            running.Remove(number);
        }

        thread.Join();
        run.Dispose();
    }
}
