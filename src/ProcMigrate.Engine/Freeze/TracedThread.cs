using ProcMigrate.Linux;
using ProcMigrate.Linux.Ptrace;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Freeze;

/// <summary>A thread of the tree, standing still under ptrace, with the state it stopped in.</summary>
internal sealed class TracedThread
{
    private TracedThread(int tid, int stopSignal, in UserRegisters registers, ulong signalMask) =>
        (Tid, StopSignal, Registers, SignalMask) = (tid, stopSignal, registers, signalMask);

    public int Tid { get; }

    /// <summary>The signal (SIGSTOP or its like) that had stopped it before we came, or 0.</summary>
    public int StopSignal { get; }

    /// <summary>As they are to be when the thread runs on. An interrupted call still carries its ERESTART code here.</summary>
    public UserRegisters Registers { get; private set; }

    public ulong SignalMask { get; }

    /// <summary>What was known of its wait before it was stopped; null where it was in no call with a time limit, or nothing is known.</summary>
    public WaitStart? Wait { get; init; }

    /// <summary>The call that it makes from the beginning when it runs on, since our stop has ended it; null where there is none.</summary>
    public SyscallNumber? StartsAgain { get; private set; }

    /// <summary>A SIGSTOP that came while the thread worked for us; it is sent again at the release.</summary>
    public bool StopSignalHeld { get; set; }

    public static TracedThread Capture(int tid, int stopSignal, WaitStart? wait)
    {
        UserRegisters registers = RegistersOf(tid);
        var thread = new TracedThread(tid, stopSignal, registers, Tracer.GetSignalMask(tid)) { Wait = wait };
        thread.UndoSpuriousInterruption();
        wait?.Stopped(tid, registers);
        return thread;
    }

    /// <summary>Has the thread run on from another instruction, when it does.</summary>
    public void GoOnAt(RemoteAddress instruction) => Registers = Registers with { rip = instruction.Value };

    private static UserRegisters RegistersOf(int tid)
    {
        try
        {
            return Tracer.GetRegisters(tid);
        }
        catch (NotSupportedException e)
        {
            throw new EngineException(
                [new Blocker("NotA64BitProgram", tid, null, $"thread {tid}", e.Message, "use a 64-bit build of the program")],
                $"Thread {tid} is of a 32-bit program; only 64-bit ones can be saved.");
        }
    }

    /// <summary>
    /// Some calls answer EINTR to any wake-up, even one without a handler (signal(7), "Interruption of system calls … by
    /// stop signals"): PTRACE_INTERRUPT is such a wake-up. Programs may not expect it, so the call is made to start again.
    /// Only where no deliverable signal is pending: then the EINTR can only be ours.
    /// </summary>
    private void UndoSpuriousInterruption()
    {
        if (!InterruptedCall.IsSpurious(Registers) || HasDeliverableSignal())
            return;
        StartsAgain = InterruptedCall.Number(Registers);
        Registers = InterruptedCall.StartAgain(Registers);
        Tracer.SetRegisters(Tid, Registers);
    }

    private bool HasDeliverableSignal()
    {
        foreach (bool shared in (bool[])[false, true])
        {
            foreach (byte[] info in Tracer.PeekSignals(Tid, shared))
            {
                int signal = SignalInfo.FromBytes(info).si_signo;
                if ((SignalMask >> (signal - 1) & 1) == 0)
                    return true;
            }
        }
        return false;
    }
}
