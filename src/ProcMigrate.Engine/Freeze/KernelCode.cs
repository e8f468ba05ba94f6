using System.Diagnostics;
using ProcMigrate.Linux;
using ProcMigrate.Linux.ProcFs;
using ProcMigrate.Linux.Ptrace;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Freeze;

/// <summary>
/// A thread in the middle of a vdso function could go on only where the kernel maps the very same code. These functions take less than
/// a microsecond: so it runs on for a moment until it stands elsewhere. Not by single steps: were we killed, the program would get a SIGTRAP.
/// </summary>
internal sealed class KernelCode(int pid)
{
    // A program that does nothing but ask for the time stands in the vdso nine times out of ten, and on an emulated processor, which is
    // interrupted at the ends of its blocks of code only, more often still. Half a second for a process, at most.
    private const int Tries = 500;
    private const int LongestWait = 100;

    private static readonly SyscallNumber[] Own =
    [
        SyscallNumber.clock_gettime, SyscallNumber.clock_getres, SyscallNumber.gettimeofday, SyscallNumber.time, SyscallNumber.getcpu, SyscallNumber.getrandom,
    ];

    private int _tries;
    private MemoryMap? _vdso;
    private bool _looked;

    public bool Holds(in UserRegisters registers)
    {
        // In a system call, or one was just left, other than those it makes itself where it cannot read the clock.
        if ((long)registers.orig_rax >= 0 && Array.IndexOf(Own, (SyscallNumber)registers.orig_rax) < 0)
            return false;
        if (!_looked)
            _vdso = MemoryMap.ReadMaps(pid).Find(m => m.Name == "[vdso]");
        _looked = true;
        return _vdso is not null && registers.rip >= _vdso.Start.Value && registers.rip < _vdso.End.Value;
    }

    /// <summary>Lets the thread run for an instant and stops it again; the stop is to be waited for.</summary>
    /// <returns>False where that has been tried enough.</returns>
    public bool LetLeave(int tid)
    {
        if (_tries++ == Tries)
            return false;
        Tracer.Continue(tid);
        // An interruption right away would reach it before its next instruction; and where processors are emulated or busy, it takes
        // a while until it has one. Never the same while, which might be its own rhythm.
        long wait = (1 + Random.Shared.Next(Math.Min(_tries, LongestWait))) * 20 * TimeSpan.TicksPerMicrosecond;
        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start).Ticks < wait)
            Thread.Yield();
        Tracer.TryRequest(PtraceRequest.PTRACE_INTERRUPT, tid, 0, 0);
        return true;
    }
}
