using System.Runtime.InteropServices;
using ProcMigrate.Engine.Freeze;
using ProcMigrate.Engine.Host;
using ProcMigrate.Engine.Inject.X64;
using ProcMigrate.Engine.Kinds;
using ProcMigrate.Engine.Save;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Processes;
using ProcMigrate.Linux.Ptrace;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Restore;

/// <summary>The last steps, up to letting go of it.</summary>
internal sealed partial class ProcessBuilder
{
    private const int SIGCONT = 18;

    /// <summary>
    /// Signals that waited, in their order. What the making itself sent is discarded by now; and no call table is run any more: its
    /// trap unblocks SIGTRAP (force_sig_info_to_task in kernel/signal.c), so that one that waits would be taken.
    /// </summary>
    public void QueueSignals()
    {
        foreach ((OwnedThread thread, _) in _threads)
            Tracer.SetSignalMask(thread.Tid, ulong.MaxValue);
        foreach (byte[] info in _record.PendingSignals.Where(s => !PosixTimerAspect.SendsAgain(_record, s)))
        {
            int signal = SignalInfo.FromBytes(info).si_signo;
            Leader.Call(SyscallNumber.rt_sigqueueinfo, $"pending signal {signal}", (ulong)Pid, (ulong)signal, _area.WriteData(0, info).Value);
        }
        foreach ((OwnedThread thread, ThreadRecord record) in _threads)
            new ThreadBuilder(_record, record, thread, _calls, _context).QueueSignals(_area);
    }

    /// <summary>Last of all, so that no timer fires into a process that does not run yet; and SIGTRAP's handler, see above.</summary>
    private void StartTimers()
    {
        foreach (IntervalTimerRecord timer in _record.IntervalTimers)
        {
            Linux.Memory.ProcessMemory.WriteFast(Pid, _area.Data, MemoryMarshal.AsBytes([new IntervalTimerValue
            {
                it_interval_sec = timer.IntervalUs / 1_000_000,
                it_interval_usec = timer.IntervalUs % 1_000_000,
                it_value_sec = timer.RemainingUs / 1_000_000,
                it_value_usec = timer.RemainingUs % 1_000_000,
            }]));
            Leader.Call(SyscallNumber.setitimer, "interval timer", (ulong)timer.Which, _area.Data.Value);
        }
        if (_record.SignalActions.FirstOrDefault(a => a.Signal == SIGTRAP) is not { } trap)
            return;
        Linux.Memory.ProcessMemory.WriteFast(Pid, _area.Data, MemoryMarshal.AsBytes(
            [new KernelSigaction { handler = trap.Handler, flags = trap.Flags, restorer = trap.Restorer, mask = trap.Mask }]));
        Leader.Call(SyscallNumber.rt_sigaction, "handler of SIGTRAP", SIGTRAP, _area.Data.Value, 0, 8);
    }

    /// <summary>Removes our last traces and sets registers and masks. From here on only letting go is left.</summary>
    public void Finish()
    {
        var registers = new Dictionary<int, UserRegisters>();
        using var memory = Linux.Memory.ProcessMemory.Open(Pid);
        foreach ((OwnedThread thread, ThreadRecord record) in _threads)
        {
            UserRegisters saved = _memoryOwner._saveAreas!.Move(UserRegisters.FromBytes(record.Registers), memory);
            registers[thread.Tid] = record.TimedCall is { } timed ? TimedCallArmer.Arm(thread, timed, saved, _area) : saved;
            thread.ComeToRest();
        }
        StartTimers();
        if (--_memoryOwner._sharers == 0)
        {
            Leader.SyscallInstruction = SyscallInstruction.Find(Pid, _area);
            Leader.Call(SyscallNumber.munmap, "the restorer's area", _area.Start.Value, RestorerArea.Length);
        }
        // The trap of the call tables would have reset these, had they been set before.
        Leader.ComeToRest();
        foreach ((OwnedThread thread, ThreadRecord record) in _threads)
        {
            Tracer.SetRegisterSet(thread.Tid, RegisterSet.NT_X86_XSTATE, ExtendedState(thread, record));
            Tracer.SetRegisters(thread.Tid, registers[thread.Tid]);
            Tracer.SetSignalMask(thread.Tid, record.SignalMask);
        }
    }

    private byte[] ExtendedState(OwnedThread thread, ThreadRecord record)
    {
        CpuRecord saved = _context.Tree.Origin.Cpu, here = _context.Shared("cpu", CpuFacts.Read);
        if (saved.Xcr0 == here.Xcr0 && saved.XsaveLayout.SequenceEqual(here.XsaveLayout))
            return record.ExtendedState;
        byte[] fresh = new byte[ThreadCollector.MaxExtendedState];
        int length = Tracer.GetRegisterSet(thread.Tid, RegisterSet.NT_X86_XSTATE, fresh);
        return XsaveArea.Convert(record.ExtendedState, saved, fresh[..length], here);
    }

    /// <summary>Whether a stop waits that <see cref="Release"/> takes back.</summary>
    public bool Held { get; private set; }

    /// <summary>Has the process stop, and not run, should we die before the release.</summary>
    public void Hold() => Held = !_record.Stopped && !ContinueWaits() && PendingStop.Send(Pid);

    /// <summary>A SIGCONT of the program's own that it has blocked: a stop signal would throw it away (signal(7)).</summary>
    private bool ContinueWaits()
    {
        if (Tracer.PeekSignals(Pid, shared: true).Any(IsContinue))
            return true;
        foreach ((OwnedThread thread, _) in _threads)
        {
            if (Tracer.PeekSignals(thread.Tid, shared: false).Any(IsContinue))
                return true;
        }
        return false;
    }

    private static bool IsContinue(byte[] info) => SignalInfo.FromBytes(info).si_signo == SIGCONT;

    /// <summary>Whether every thread of it is where we left it; one that was killed is not.</summary>
    public bool Stands => _threads.TrueForAll(t => Tracer.Stands(t.Thread.Tid));

    /// <summary>From now on the process does not die with us.</summary>
    public void Outlive()
    {
        foreach ((OwnedThread thread, _) in _threads)
            Tracer.SetOptions(thread.Tid, Seed.Options & ~PtraceOptions.ExitKill);
    }

    public void Kill() => OwnedProcess.Signal(Pid, OwnedProcess.SIGKILL);

    /// <summary>The stop that was sent to it is none any more.</summary>
    public void Continue()
    {
        if (Held)
            OwnedProcess.Signal(Pid, SIGCONT);
    }

    /// <summary>A thread that is gone (ESRCH) has been ended by one that runs already: by exit_group(2), say, or a signal that waited.</summary>
    public void Release()
    {
        if (Held)
            PendingStop.TakeBack(Pid);
        foreach ((OwnedThread thread, _) in _threads)
        {
            long result = Tracer.TryRequest(PtraceRequest.PTRACE_DETACH, thread.Tid, 0, 0);
            if (result != -Errno.ESRCH)
                RawSyscall.Check(result, "PTRACE_DETACH", $"thread {thread.Tid}");
        }
    }
}
