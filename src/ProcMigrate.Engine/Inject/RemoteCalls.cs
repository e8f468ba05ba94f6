using System.Runtime.InteropServices;
using ProcMigrate.Engine.Freeze;
using ProcMigrate.Engine.Inject.X64;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Memory;
using ProcMigrate.Linux.Ptrace;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Inject;

/// <summary>
/// A scope in which a thread of a running program makes system calls for us. Afterwards it stands where it stood; and
/// should the engine die inside the scope, the thread gets back there by itself (see <see cref="PadCode"/>).
/// </summary>
/// <remarks>
/// The order matters:
/// 1. the pad is armed with the way back before the thread's registers are touched;
/// 2. the registers are set before the signal mask: were all signals blocked first and the engine killed then, nothing
///    would ever unblock them;
/// 3. on the way out the mask is set before the registers, for the same reason;
/// 4. registers that carry an ERESTART code may be left only where the kernel acts on it, on its signal path: detaching
///    and dying both take the thread there (__ptrace_unlink sets TIF_SIGPENDING), and so does the interrupt at the end.
/// No int3 and no single-stepping: a SIGTRAP could reach the program. Only system call stops are used.
/// Should a step of ours fail, the thread is left where it stands, in a pad that stays: let go, it takes the rest of the way by itself.
/// </remarks>
internal sealed class RemoteCalls : IDisposable
{
    public const int ScratchLength = 0x10000;
    private const int SIGSTOP = 19;
    private const int PROT_READ_WRITE = 3;
    private const int MAP_PRIVATE_ANONYMOUS_FIXED_NOREPLACE = 0x2 | 0x20 | 0x100000;

    private readonly TracedProcess _process;
    private readonly TracedThread _thread;
    private readonly LandingPad _pad;
    private readonly CallGuard? _guard;

    // Registers at the exit of the last call: nobody but us changes them.
    private UserRegisters _stood;

    // A step failed in the middle of a call, and it is not known any more at which of its two stops the thread stands.
    private bool _lost;

    private RemoteCalls(TracedProcess process, TracedThread thread, LandingPad pad, CallGuard? guard, RemoteAddress scratch) =>
        (_process, _thread, _pad, _guard, Scratch) = (process, thread, pad, guard, scratch);

    /// <summary>Memory of the scope's own in the tracee, <see cref="ScratchLength"/> bytes, zero at first.</summary>
    public RemoteAddress Scratch { get; }

    public static RemoteCalls Enter(TracedProcess process, TracedThread thread, LandingPad pad, RemoteAddress scratch)
    {
        var guard = CallGuard.Enter(process, thread, pad.Address, scratch, ScratchLength);
        RseqSection.Leave(process, thread);
        pad.Arm(thread, scratch, ScratchLength);
        pad.InUse = true;
        UserRegisters registers = thread.Registers;
        registers.rip = pad.Address.Value + PadCode.First;
        registers.orig_rax = ulong.MaxValue;
        registers.rax = (ulong)SyscallNumber.mmap;
        registers.rdi = scratch.Value;
        registers.rsi = ScratchLength;
        registers.rdx = PROT_READ_WRITE;
        registers.r10 = MAP_PRIVATE_ANONYMOUS_FIXED_NOREPLACE;
        registers.r8 = ulong.MaxValue;
        registers.r9 = 0;
        Tracer.SetRegisters(thread.Tid, registers);
        Tracer.SetSignalMask(thread.Tid, ulong.MaxValue);
        var calls = new RemoteCalls(process, thread, pad, guard, scratch);
        long result = calls.RunToExit();
        if (result == (long)scratch.Value)
            return calls;
        calls.StandBack();
        throw new LinuxException("mmap", $"process {process.Pid}, for {ScratchLength} bytes of its own", (int)-result);
    }

    /// <summary>The result, or minus errno.</summary>
    public long Try(SyscallNumber number, ulong a = 0, ulong b = 0, ulong c = 0, ulong d = 0, ulong e = 0, ulong f = 0)
    {
        _guard?.Require(number, PadCode.AfterCall, [a, b, c, d, e, f]);
        UserRegisters registers = _stood;
        registers.rip = _pad.Address.Value + PadCode.Call;
        registers.orig_rax = ulong.MaxValue;
        registers.rax = (ulong)number;
        registers.rdi = a;
        registers.rsi = b;
        registers.rdx = c;
        registers.r10 = d;
        registers.r8 = e;
        registers.r9 = f;
        Tracer.SetRegisters(_thread.Tid, registers);
        return RunToExit();
    }

    /// <summary>Whether a call that is not indispensable may be made: false where a filter would act against the program for it.</summary>
    public bool MayCall(SyscallNumber number, ulong a = 0, ulong b = 0) => _guard?.Permits(number, PadCode.AfterCall, [a, b]) ?? true;

    public long Call(SyscallNumber number, ulong a = 0, ulong b = 0, ulong c = 0, ulong d = 0, ulong e = 0, ulong f = 0) =>
        RawSyscall.Check(Try(number, a, b, c, d, e, f), number.ToString(), $"process {_process.Pid} (made by itself)");

    public T ReadScratch<T>(int offset = 0)
        where T : unmanaged => _process.Memory.Read<T>(Scratch + (ulong)offset);

    public void ReadScratch(Span<byte> buffer, int offset = 0) => _process.Memory.Read(Scratch + (ulong)offset, buffer);

    public void WriteScratch<T>(T value, int offset = 0)
        where T : unmanaged =>
        ProcessMemory.WriteFast(_process.Pid, Scratch + (ulong)offset, MemoryMarshal.AsBytes(MemoryMarshal.CreateReadOnlySpan(in value, 1)));

    public void Dispose()
    {
        if (_lost)
            return;
        UserRegisters registers = _stood;
        registers.rip = _pad.Address.Value + PadCode.Unmap;
        registers.orig_rax = ulong.MaxValue;
        Tracer.SetRegisters(_thread.Tid, registers);
        long result = RunToExit();
        StandBack();
        RawSyscall.Check(result, "munmap", $"process {_process.Pid} (made by itself)");
    }

    /// <summary>Puts mask and registers back and lets the thread come to rest on the kernel's signal path.</summary>
    private void StandBack()
    {
        Tracer.SetSignalMask(_thread.Tid, _thread.SignalMask);
        Tracer.SetRegisters(_thread.Tid, _thread.Registers);
        _pad.InUse = false;
        Tracer.Interrupt(_thread.Tid);
        Tracer.Continue(_thread.Tid);
        while (!WaitForStop().IsEventStop)
            Tracer.Continue(_thread.Tid);
    }

    /// <summary>Runs from here to the exit of the next system call.</summary>
    private long RunToExit()
    {
        _lost = true;
        RunToSyscallStop();
        RunToSyscallStop();
        _stood = Tracer.GetRegisters(_thread.Tid);
        _lost = false;
        return (long)_stood.rax;
    }

    private void RunToSyscallStop()
    {
        do
            Tracer.ContinueToSyscall(_thread.Tid);
        while (!WaitForStop().IsSyscallStop);
    }

    private WaitStatus WaitForStop()
    {
        WaitStatus status = Tracer.Wait(_thread.Tid);
        // What it was that ended is told in one place: FrozenTree.Lost.
        if (status.Ended)
            throw new LinuxException("wait4", $"thread {_thread.Tid} of process {_process.Pid}, which {status}", Errno.ESRCH);
        // The one signal that no mask holds back, besides SIGKILL.
        if (status.IsSignalDelivery && status.StopSignal == SIGSTOP)
            _thread.StopSignalHeld = true;
        return status;
    }
}
