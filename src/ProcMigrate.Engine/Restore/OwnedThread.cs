using ProcMigrate.Engine.Host;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Ptrace;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Restore;

/// <summary>
/// A thread in the making, wholly ours: it dies with the engine (PTRACE_O_EXITKILL), nobody else knows of it, and all its
/// signals are blocked. It makes system calls for us from an instruction of our choosing.
/// </summary>
internal sealed class OwnedThread(int tid, RemoteAddress syscallInstruction)
{
    /// <summary>How long one that was killed may take to end, which is not for ever where it hangs in the kernel.</summary>
    public static readonly TimeSpan EndPatience = TimeSpan.FromSeconds(1);

    public int Tid { get; } = tid;

    /// <summary>Address of a syscall instruction in its memory.</summary>
    public RemoteAddress SyscallInstruction { get; set; } = syscallInstruction;

    /// <summary>The result, or minus errno.</summary>
    public long Try(SyscallNumber number, ulong a = 0, ulong b = 0, ulong c = 0, ulong d = 0, ulong e = 0, ulong f = 0)
    {
        Prepare(number, a, b, c, d, e, f);
        RunToSyscallStop();
        RunToSyscallStop();
        return (long)Tracer.GetRegisters(Tid).rax;
    }

    public long Call(
        SyscallNumber number, string what, ulong a = 0, ulong b = 0, ulong c = 0, ulong d = 0, ulong e = 0, ulong f = 0) =>
        RawSyscall.Check(Try(number, a, b, c, d, e, f), number.ToString(), what);

    public void Prepare(SyscallNumber number, ulong a = 0, ulong b = 0, ulong c = 0, ulong d = 0, ulong e = 0, ulong f = 0)
    {
        UserRegisters registers = Tracer.GetRegisters(Tid);
        registers.rip = SyscallInstruction.Value;
        registers.orig_rax = ulong.MaxValue;
        registers.rax = (ulong)number;
        registers.rdi = a;
        registers.rsi = b;
        registers.rdx = c;
        registers.r10 = d;
        registers.r8 = e;
        registers.r9 = f;
        Tracer.SetRegisters(Tid, registers);
    }

    public void RunToSyscallStop()
    {
        WaitStatus status;
        do
        {
            Tracer.ContinueToSyscall(Tid);
            status = Wait();
        }
        while (!status.IsSyscallStop);
    }

    /// <summary>Brings the thread to rest where the kernel, on letting it go, looks at signals and interrupted calls.</summary>
    public void ComeToRest()
    {
        Tracer.Interrupt(Tid);
        do
            Tracer.Continue(Tid);
        while (!Wait().IsEventStop);
    }

    public WaitStatus Wait()
    {
        WaitStatus status = Tracer.Wait(Tid);
        return status.Ended
            ? throw new EngineException(
                "RestoreDied", FailureClass.Failed, $"Thread {Tid} {status} while it was being restored; nothing is left of the tree."
                + MemoryGroup.Hint(status.Exited ? 0 : status.TerminationSignal))
            : status;
    }

    /// <summary>Makes a child or thread with a pid of our choosing, or any where that is 0 (clone3(2) with set_tid); it stands at its first instruction.</summary>
    public int Clone(RemoteAddress arguments, ulong flags, int exitSignal, int pid, string what)
    {
        RemoteAddress setTid = arguments + CloneArguments.Size;
        CloneArguments.Write(Tid, arguments, new CloneArguments
        {
            flags = flags,
            exit_signal = (ulong)exitSignal,
            set_tid = pid == 0 ? 0 : setTid.Value,
            set_tid_size = pid == 0 ? 0UL : 1,
        }, setTid, pid);
        int child = (int)Call(SyscallNumber.clone3, what, arguments.Value, CloneArguments.Size);
        // The child was attached to by the kernel (PTRACE_O_TRACECLONE and its like) and reports its own first stop.
        while (!new OwnedThread(child, SyscallInstruction).Wait().IsEventStop)
            Tracer.Continue(child);
        return child;
    }
}
