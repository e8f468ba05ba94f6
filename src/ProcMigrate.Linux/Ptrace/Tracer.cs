using System.Diagnostics;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Linux.Ptrace;

/// <summary>
/// ptrace(2), one method a request. The kernel ties a tracee to the thread that attached, not to the process: all calls
/// about one tracee must come from one thread of ours.
/// </summary>
public static unsafe class Tracer
{
    /// <summary>To hear of children that a signal stopped, too (wait4(2)).</summary>
    public const int WUNTRACED = 2;

    private const int WNOHANG = 1;
    private const int __WALL = 0x40000000;

    public static void Seize(int tid, PtraceOptions options) => Request(PtraceRequest.PTRACE_SEIZE, tid, 0, (nint)options);

    public static void Interrupt(int tid) => Request(PtraceRequest.PTRACE_INTERRUPT, tid, 0, 0);

    public static void SetOptions(int tid, PtraceOptions options) =>
        Request(PtraceRequest.PTRACE_SETOPTIONS, tid, 0, (nint)options);

    /// <summary>Lets the tracee run to the next stop of any kind, delivering <paramref name="signal"/> if it stopped for one.</summary>
    public static void Continue(int tid, int signal = 0) => Request(PtraceRequest.PTRACE_CONT, tid, 0, signal);

    /// <summary>As <see cref="Continue"/>, and stops at the next entry to or exit from a system call.</summary>
    public static void ContinueToSyscall(int tid) => Request(PtraceRequest.PTRACE_SYSCALL, tid, 0, 0);

    public static void Detach(int tid, int signal = 0) => Request(PtraceRequest.PTRACE_DETACH, tid, 0, signal);

    public static ulong GetEventMessage(int tid)
    {
        ulong message = 0;
        Request(PtraceRequest.PTRACE_GETEVENTMSG, tid, 0, (nint)(&message));
        return message;
    }

    public static UserRegisters GetRegisters(int tid)
    {
        UserRegisters registers;
        int length = GetRegisterSet(tid, RegisterSet.NT_PRSTATUS, new Span<byte>(&registers, sizeof(UserRegisters)));
        // A 32-bit tracee answers with the shorter i386 struct: the layout would be nonsense.
        return length == sizeof(UserRegisters)
            ? registers
            : throw new NotSupportedException($"thread {tid} is a 32-bit one ({length} bytes of registers)");
    }

    public static void SetRegisters(int tid, in UserRegisters registers)
    {
        fixed (UserRegisters* p = &registers)
            SetRegisterSet(tid, RegisterSet.NT_PRSTATUS, new ReadOnlySpan<byte>(p, sizeof(UserRegisters)));
    }

    /// <returns>Bytes filled in by the kernel.</returns>
    public static int GetRegisterSet(int tid, RegisterSet set, Span<byte> buffer)
    {
        fixed (byte* p = buffer)
        {
            var iov = new IoVector { iov_base = (ulong)p, iov_len = (ulong)buffer.Length };
            Request(PtraceRequest.PTRACE_GETREGSET, tid, (nint)set, (nint)(&iov));
            return (int)iov.iov_len;
        }
    }

    public static void SetRegisterSet(int tid, RegisterSet set, ReadOnlySpan<byte> buffer)
    {
        fixed (byte* p = buffer)
        {
            var iov = new IoVector { iov_base = (ulong)p, iov_len = (ulong)buffer.Length };
            Request(PtraceRequest.PTRACE_SETREGSET, tid, (nint)set, (nint)(&iov));
        }
    }

    /// <summary>
    /// The thread's signal mask. Inside sigsuspend, ppoll and the like the kernel answers with the mask that will hold
    /// after the call (kernel/ptrace.c), which is the one to restore: the call itself sets its own mask again.
    /// </summary>
    public static ulong GetSignalMask(int tid)
    {
        ulong mask = 0;
        Request(PtraceRequest.PTRACE_GETSIGMASK, tid, sizeof(ulong), (nint)(&mask));
        return mask;
    }

    public static void SetSignalMask(int tid, ulong mask) =>
        Request(PtraceRequest.PTRACE_SETSIGMASK, tid, sizeof(ulong), (nint)(&mask));

    /// <summary>Queued signals in order, 128 bytes each, of the thread alone or of the whole process.</summary>
    public static IReadOnlyList<byte[]> PeekSignals(int tid, bool shared)
    {
        var found = new List<byte[]>();
        const int Batch = 32;
        byte* buffer = stackalloc byte[Batch * SignalInfo.Size];
        while (true)
        {
            var args = new PeekSigInfoArgs
            {
                off = (ulong)found.Count,
                flags = shared ? PeekSigInfoArgs.PTRACE_PEEKSIGINFO_SHARED : 0,
                nr = Batch,
            };
            long count = Request(PtraceRequest.PTRACE_PEEKSIGINFO, tid, (nint)(&args), (nint)buffer);
            for (int i = 0; i < count; i++)
                found.Add(new ReadOnlySpan<byte>(buffer + i * SignalInfo.Size, SignalInfo.Size).ToArray());
            if (count < Batch)
                return found;
        }
    }

    /// <returns>The registration, or null where the thread has none or the kernel (before 5.13) cannot tell.</returns>
    public static RseqConfiguration? GetRseq(int tid)
    {
        RseqConfiguration configuration;
        long result = TryRequest(
            PtraceRequest.PTRACE_GET_RSEQ_CONFIGURATION, tid, sizeof(RseqConfiguration), (nint)(&configuration));
        return result < 0 || configuration.rseq_abi_pointer == 0 ? null : configuration;
    }

    /// <returns>The configuration, or null where the kernel (before 6.4) cannot tell.</returns>
    public static SyscallUserDispatchConfig? GetSyscallUserDispatch(int tid)
    {
        SyscallUserDispatchConfig configuration;
        long result = TryRequest(
            PtraceRequest.PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG, tid, sizeof(SyscallUserDispatchConfig), (nint)(&configuration));
        return result < 0 ? null : configuration;
    }

    public static void SetSyscallUserDispatch(int tid, SyscallUserDispatchConfig configuration) => Request(
        PtraceRequest.PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG, tid, sizeof(SyscallUserDispatchConfig), (nint)(&configuration));

    /// <summary>Waits for the next stop or end of one tracee. That comes, or <see cref="TraceeWait"/> ends the wait.</summary>
    /// <exception cref="OperationCanceledException">It did not come soon, and the token of <see cref="TraceeWait.Enter"/> was cancelled.</exception>
    public static WaitStatus Wait(int tid) => TraceeWait.For(tid);

    /// <summary>The same, cancelled or not; null where <paramref name="limit"/> is over before.</summary>
    public static WaitStatus? Wait(int tid, TimeSpan limit) => TraceeWait.For(tid, limit);

    /// <summary>Waits for the end of a tracee or child that was killed. One that hangs in the kernel (a dead network file system) ends when it leaves it.</summary>
    /// <returns>False where <paramref name="limit"/> is over before.</returns>
    public static bool WaitForEnd(int tid, TimeSpan limit)
    {
        long start = Stopwatch.GetTimestamp();
        while (TraceeWait.For(tid, limit - Stopwatch.GetElapsedTime(start)) is { } status)
        {
            if (status.Ended)
                return true;
        }
        return false;
    }

    /// <summary>Of a process whose leader has ended, takes notice of every other thread that has, so that the leader's end is reported.</summary>
    public static void CollectDeadThreads(int leader) => TraceeWait.CollectDeadThreads(leader);

    /// <summary>Whether a tracee stands in a stop of ours; one that was killed does not any more.</summary>
    public static bool Stands(int tid)
    {
        ulong message = 0;
        return TryRequest(PtraceRequest.PTRACE_GETEVENTMSG, tid, 0, (nint)(&message)) >= 0;
    }

    /// <returns>The status, or null while there is none.</returns>
    public static WaitStatus? Poll(int tid, int options = 0)
    {
        int status;
        long result = RawSyscall.Try(SyscallNumber.wait4, tid, (nint)(&status), __WALL | WNOHANG | options);
        if (result == -Errno.EINTR || result == 0)
            return null;
        if (result == -Errno.ECHILD)
            return WaitStatus.Gone;
        RawSyscall.Check(result, "wait4", $"thread {tid}");
        return new WaitStatus(status);
    }

    /// <summary>The result, or minus errno.</summary>
    public static long TryRequest(PtraceRequest request, int tid, nint address, nint data) =>
        RawSyscall.Try(SyscallNumber.ptrace, (nint)request, tid, address, data);

    private static long Request(
        PtraceRequest request, int tid, nint address, nint data) =>
        RawSyscall.Check(TryRequest(request, tid, address, data), request.ToString(), $"thread {tid}");
}
