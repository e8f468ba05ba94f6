using System.Globalization;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Processes;
using ProcMigrate.Linux.ProcFs;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Freeze;

/// <summary>
/// Since when a thread waits in a call with a relative time limit. The kernel keeps the deadline to itself; but a thread that sleeps shows when
/// it fell asleep. That is read while it still waits, and counts where it comes to its stop right from there. A thread that was
/// stopped and has gone on before (restart_syscall(2)) has waited longer than it shows: of that one, the timer that our stop takes
/// out of the kernel's list tells, where we may read it.
/// </summary>
internal sealed class WaitStart
{
    // The frequency of a clock is corrected by this much at most (adjtimex(2)); a wait is never taken for longer than it was.
    private const int ClockTolerance = 2000;
    private const int Arguments = 6;

    private readonly string[] _call;
    private readonly SchedulerFacts? _asleep;
    private readonly int _cpu;
    private readonly long _readAt;
    private readonly TimerWatch? _watch;
    private readonly TimerList? _timers;
    private long _stoppedAt;
    private bool _direct;
    private bool _hiddenAtStop;
    private List<long> _ended = [];

    private WaitStart(int tid, string[] call, SyscallNumber? hidden, TimerWatch watch)
    {
        (_call, Hidden) = (call, hidden);
        if (!IsRelative(call, hidden ?? Number(call)))
            return;
        _cpu = ProcStat.Of(tid).Processor;
        _readAt = Clock.Now(Clock.CLOCK_MONOTONIC);
        _asleep = SchedulerFacts.TryOf(tid);
        if (hidden is null)
            return;
        IsCoarse = !watch.Takes(tid);
        if (!IsCoarse)
            (_watch, _timers) = (watch, watch.Before());
    }

    /// <summary>The timed call that restart_syscall(2) hides; null where there was none.</summary>
    public SyscallNumber? Hidden { get; }

    /// <summary>It is one of too many that have gone on after a stop: its time counts from that stop, and so may become longer.</summary>
    public bool IsCoarse { get; }

    /// <summary>To be asked while the thread still runs; null where it is in no such call.</summary>
    public static WaitStart? Of(int tid, TimerWatch watch)
    {
        try
        {
            string[] call = Call(tid);
            SyscallNumber? hidden = HiddenCall(tid, call);
            return hidden is null && !IsRelative(call, Number(call)) ? null : new WaitStart(tid, call, hidden, watch);
        }
        catch (LinuxException)
        {
            // Gone, or not to be read: then the registers must do.
            return null;
        }
    }

    /// <summary>Whether its timer must be seen to end: no other thread is to be stopped at the same time.</summary>
    public static bool WantsQuiet(int tid, string call)
    {
        string[] fields = Fields(call);
        return HiddenCall(tid, fields) is { } hidden && IsRelative(fields, hidden);
    }

    /// <summary>To be told as soon as the thread stands.</summary>
    public void Stopped(int tid, in UserRegisters registers)
    {
        _stoppedAt = Clock.Now(Clock.CLOCK_MONOTONIC);
        // One more change of its own will: to our stop. With more it has been awake meanwhile, and may wait in another call.
        _direct = _asleep is { } asleep && SchedulerFacts.TryOf(tid)?.VoluntarySwitches == asleep.VoluntarySwitches + 1 && IsSameCall(registers);
        _hiddenAtStop = InterruptedCall.Number(registers) == SyscallNumber.restart_syscall;
        if (_timers is { } before && _watch!.After() is { } after)
            _ended = [.. before.Wakeups.Where(t => t > after.Now && !after.Wakeups.Contains(t)).Select(t => t - after.Now)];
    }

    /// <summary>How much of a time the thread had left when it was stopped.</summary>
    /// <returns>Null where that cannot be told.</returns>
    public long? Left(long full, SchedulerClock clock)
    {
        if (_asleep is null)
            return null;
        // It was awake in the moment between: then its call has begun just now, unless that was a stop of somebody else's.
        if (!_direct)
            return _hiddenAtStop ? null : full;
        if (clock.Behind(_cpu) is not { } behind)
            return null;
        long elapsed = Math.Max(0, _readAt - behind - _asleep.ExecStartNs) + _stoppedAt - _readAt;
        // Its time was over, and still it waits: then in the same call once more, and since just now.
        if (elapsed >= full)
            return full;
        long most = full - elapsed + elapsed / ClockTolerance;
        // Others' timers may have ended in the same moment. The latest that can be it: no wait ends early.
        return _ended.Where(t => t <= most).DefaultIfEmpty(most).Max();
    }

    private bool IsSameCall(UserRegisters registers)
    {
        ulong[] now = [registers.rdi, registers.rsi, registers.rdx, registers.r10, registers.r8, registers.r9, registers.rsp, registers.rip];
        for (int i = 0; i < now.Length; i++)
        {
            if (_call.Length <= i + 1 || Word(_call[i + 1]) != now[i])
                return false;
        }
        return true;
    }

    /// <summary>As /proc/TID/syscall has it: number, arguments, stack pointer, instruction; "running" where in none.</summary>
    private static string[] Call(int tid) => Fields(FileCalls.ReadText($"/proc/{tid}/syscall"));

    private static string[] Fields(string call) => call.TrimEnd('\n').Split(' ');

    private static SyscallNumber? Number(string[] call) =>
        call.Length > Arguments && int.TryParse(call[0], CultureInfo.InvariantCulture, out int number) ? (SyscallNumber)number : null;

    private static SyscallNumber? HiddenCall(int tid, string[] call) =>
        Number(call) == SyscallNumber.restart_syscall ? CallSite.FindWaiting(tid, call[1]) : null;

    /// <summary>Whether a call has a relative time, and does not write out what is left of it.</summary>
    private static bool IsRelative(string[] call, SyscallNumber? number) => number switch
    {
        SyscallNumber.nanosleep => Word(call[2]) == 0,
        SyscallNumber.clock_nanosleep => Word(call[4]) == 0,
        SyscallNumber.poll => (int)Word(call[3]) > 0,
        SyscallNumber.futex => Word(call[4]) != 0 && CallSite.IsRelativeFutex(Word(call[2])),
        SyscallNumber.epoll_wait or SyscallNumber.epoll_pwait => (int)Word(call[4]) > 0,
        SyscallNumber.epoll_pwait2 or SyscallNumber.semtimedop => Word(call[4]) != 0,
        SyscallNumber.rt_sigtimedwait => Word(call[3]) != 0,
        SyscallNumber.io_getevents or SyscallNumber.io_pgetevents => Word(call[5]) != 0,
        _ => false,
    };

    private static ulong Word(string text) =>
        text.StartsWith("0x", StringComparison.Ordinal) && ulong.TryParse(text.AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out ulong word) ? word : 0;
}
