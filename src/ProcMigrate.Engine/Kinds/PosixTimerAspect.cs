using System.Runtime.InteropServices;
using System.Text.Json;
using ProcMigrate.Engine.Checks;
using ProcMigrate.Engine.Freeze;
using ProcMigrate.Engine.Inject;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Engine.Save;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Memory;
using ProcMigrate.Linux.Processes;
using ProcMigrate.Linux.Ptrace;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Kinds;

/// <summary>
/// Timers of timer_create(2), with their ids and what was left of them. A signal that one has sent and that still waits is
/// not queued again as such: the timer is set to run out at once and sends it itself, so that it counts overruns as before.
/// </summary>
internal sealed class PosixTimerAspect : ProcessAspect
{
    private const int SI_TIMER = -2;
    private const ulong PR_TIMER_CREATE_RESTORE_IDS = 77;
    private const ulong TIMER_ABSTIME = 1;

    // A kernel before 6.15 counts ids up, and ours must be reached by making and deleting timers.
    private const int HighestCountedId = 100_000;

    // The clocks that only the creating thread can name (posix-timers.h: ~0 << 3 | CPUCLOCK_PERTHREAD_MASK | CPUCLOCK_SCHED).
    private const int OwnThreadClock = -2;
    private const int CLOCK_THREAD_CPUTIME_ID = 3;

    public override string Name => "posix-timers";

    public override JsonElement? Capture(TracedProcess process, RemoteCalls calls, SaveContext context)
    {
        IReadOnlyList<PosixTimer> timers = PosixTimer.Of(process.Pid);
        if (timers.Count == 0)
            return null;
        HashSet<int> pending = PendingTimers(process);
        var states = new List<PosixTimerState>();
        foreach (PosixTimer timer in timers)
        {
            if (timer.Clock is OwnThreadClock or CLOCK_THREAD_CPUTIME_ID && process.Threads.Count > 1)
            {
                context.Block(new Blocker(
                    "PosixTimer", process.Pid, null, $"timer {timer.Id} on the CPU time of a thread",
                    "it was made with CLOCK_THREAD_CPUTIME_ID, and the kernel does not show of which thread",
                    "let the program make it with the clock of pthread_getcpuclockid"));
                continue;
            }
            calls.Call(SyscallNumber.timer_gettime, (ulong)timer.Id, calls.Scratch.Value);
            TimerSpec time = calls.ReadScratch<TimerSpec>();
            states.Add(new PosixTimerState
            {
                Id = timer.Id,
                Clock = timer.Clock,
                Notify = timer.Notify,
                Signal = timer.Signal,
                Value = timer.Value,
                Target = timer.Target,
                IntervalNs = time.it_interval.TotalNanoseconds,
                RemainingNs = time.it_value.TotalNanoseconds,
                Pending = pending.Contains(timer.Id),
            });
        }
        return JsonSerializer.SerializeToElement(states, StateJson.Default.ListPosixTimerState);
    }

    public override void Check(JsonElement state, ProcessRecord process, RestoreContext context)
    {
        // PR_TIMER_CREATE_RESTORE_IDS_GET (linux/prctl.h).
        const int Asked = 2;
        List<PosixTimerState> timers = RestoreContext.Parse(Name, state, StateJson.Default.ListPosixTimerState);
        // Clocks of CPU time are numbers below zero, and name threads that are not there yet.
        foreach (int clock in timers.Select(t => t.Clock).Where(c => c >= 0).Distinct())
        {
            if (!KernelCalls.HasTimerClock(clock))
                context.Block(KernelCalls.Missing(context, process.Pid, $"timers of clock {clock}"));
        }
        if (timers.Exists(t => t.Id > HighestCountedId) && RawSyscall.Try(SyscallNumber.prctl, (nint)PR_TIMER_CREATE_RESTORE_IDS, Asked) < 0)
            context.Block(KernelCalls.Missing(context, process.Pid, $"the choice of a timer's id (Linux 6.15), for one above {HighestCountedId}"));
    }

    public override void RestoreAfterThreads(JsonElement state, ProcessInMaking process)
    {
        List<PosixTimerState> timers = RestoreContext.Parse(Name, state, StateJson.Default.ListPosixTimerState);
        bool chosen = process.Leader.Try(SyscallNumber.prctl, PR_TIMER_CREATE_RESTORE_IDS, 1) == 0;
        int next = 0;
        foreach (PosixTimerState timer in timers.OrderBy(t => t.Id))
        {
            if (!chosen)
                CountUpTo(timer.Id, ref next, process);
            Create(timer, process);
        }
        if (chosen)
            process.Leader.Call(SyscallNumber.prctl, "the numbering of timers", PR_TIMER_CREATE_RESTORE_IDS, 0);
        foreach (PosixTimerState timer in timers)
            Set(timer, process);
        process.Calls.Run();
    }

    /// <summary>Whether a signal that waited at the save is one that its timer will send anew.</summary>
    public static bool SendsAgain(ProcessRecord process, byte[] signal)
    {
        if (!process.Aspects.TryGetValue("posix-timers", out JsonElement state) || TimerOf(signal) is not { } id)
            return false;
        return RestoreContext.Parse("posix-timers", state, StateJson.Default.ListPosixTimerState).Any(t => t.Id == id && t.Pending);
    }

    private static HashSet<int> PendingTimers(TracedProcess process) =>
        [.. process.Threads.SelectMany(t => Tracer.PeekSignals(t.Tid, shared: false))
            .Concat(Tracer.PeekSignals(process.Leader.Tid, shared: true))
            .Select(TimerOf).OfType<int>()];

    /// <summary>si_timerid of a signal sent by a timer: the first word of the union in siginfo_t.</summary>
    private static int? TimerOf(byte[] info)
    {
        const int Union = 16;
        return SignalInfo.FromBytes(info).si_code == SI_TIMER ? BitConverter.ToInt32(info, Union) : null;
    }

    private static void CountUpTo(int id, ref int next, ProcessInMaking process)
    {
        if (id > HighestCountedId)
        {
            throw new EngineException(
                "PosixTimer", FailureClass.Failed,
                $"Process {process.Record.Pid} has a timer of id {id}; on this kernel (before 6.15) ids above {HighestCountedId} cannot be given.");
        }
        RemoteAddress at = process.Area.Data;
        for (; next < id; next++)
        {
            process.Leader.Call(SyscallNumber.timer_create, "a timer to count up", Clock.CLOCK_MONOTONIC, 0, at.Value);
            process.Leader.Call(SyscallNumber.timer_delete, "a timer to count up", (ulong)next);
        }
        next++;
    }

    private static void Create(PosixTimerState timer, ProcessInMaking process)
    {
        Span<byte> data = stackalloc byte[Marshal.SizeOf<SignalEvent>() + sizeof(long)];
        data.Clear();
        MemoryMarshal.Write(data, new SignalEvent
        {
            sigev_value = timer.Value,
            sigev_signo = timer.Signal,
            sigev_notify = timer.Notify,
            sigev_notify_thread_id = timer.Target,
        });
        RemoteAddress at = process.Area.Data;
        RemoteAddress idAt = at + (ulong)Marshal.SizeOf<SignalEvent>();
        MemoryMarshal.Write(data[Marshal.SizeOf<SignalEvent>()..], timer.Id);
        ProcessMemory.WriteFast(process.Area.Pid, at, data);
        process.Leader.Call(SyscallNumber.timer_create, $"timer {timer.Id}", (ulong)timer.Clock, at.Value, idAt.Value);
        using ProcessMemory memory = ProcessMemory.Open(process.Area.Pid);
        int got = memory.Read<int>(idAt);
        if (got != timer.Id)
        {
            throw new EngineException(
                "PosixTimer", FailureClass.Failed, $"The kernel gave a timer the id {got}; process {process.Record.Pid} knows it as {timer.Id}.");
        }
    }

    /// <summary>By the process's own clock: it may live in another time namespace than we do.</summary>
    private static long Now(int clock, ProcessInMaking process)
    {
        // The area's data is ours between two runs of the table only.
        process.Calls.Run();
        process.Leader.Call(SyscallNumber.clock_gettime, "its time", (ulong)clock, process.Area.Data.Value);
        using ProcessMemory memory = ProcessMemory.Open(process.Area.Pid);
        return memory.Read<TimeSpec>(process.Area.Data).TotalNanoseconds;
    }

    private static void Set(PosixTimerState timer, ProcessInMaking process)
    {
        var interval = TimeSpec.FromNanoseconds(timer.IntervalNs);
        if (timer.Pending)
        {
            // Run out already: at once; with an interval, at the beat before the next, so that the beats stay what they were.
            bool beats = timer.IntervalNs > 0 && timer.Clock is Clock.CLOCK_REALTIME or Clock.CLOCK_MONOTONIC or Clock.CLOCK_BOOTTIME;
            long past = beats ? Now(timer.Clock, process) + timer.RemainingNs - timer.IntervalNs : 1;
            var at = new TimerSpec { it_interval = interval, it_value = TimeSpec.FromNanoseconds(Math.Max(past, 1)) };
            process.Calls.Add(
                SyscallNumber.timer_settime, $"timer {timer.Id}", (ulong)timer.Id, beats ? TIMER_ABSTIME : 0, process.Calls.Data(at).Value);
        }
        else if (timer.RemainingNs > 0)
        {
            var left = new TimerSpec { it_interval = interval, it_value = TimeSpec.FromNanoseconds(timer.RemainingNs) };
            process.Calls.Add(SyscallNumber.timer_settime, $"timer {timer.Id}", (ulong)timer.Id, 0, process.Calls.Data(left).Value);
        }
    }
}

/// <summary>One timer; Pending: its signal had been sent and not yet been taken.</summary>
internal sealed record PosixTimerState
{
    public required int Id { get; init; }
    public required int Clock { get; init; }
    public required int Notify { get; init; }
    public required int Signal { get; init; }
    public required ulong Value { get; init; }
    public required int Target { get; init; }
    public required long IntervalNs { get; init; }
    public required long RemainingNs { get; init; }
    public bool Pending { get; init; }
}
