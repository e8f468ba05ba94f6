using System.Globalization;
using ProcMigrate.Engine.Freeze;
using ProcMigrate.Engine.Inject.X64;
using ProcMigrate.Linux;
using ProcMigrate.Linux.ProcFs;
using ProcMigrate.Linux.Ptrace;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Inject;

/// <summary>
/// Stands before every call that a thread makes for us, where the thread's own calls are watched: by seccomp or by syscall
/// user dispatch. While we hold the thread its filters are suspended (PTRACE_O_SUSPEND_SECCOMP). But that ends with the
/// engine, should it be killed: then the next call, and those with which the pad leads the thread back, are judged by the
/// filters again. So a call is made only if they would not harm the thread for it: allow it, or answer with an error. The
/// calls of the way back must be allowed.
/// </summary>
internal sealed class CallGuard
{
    private const int Strict = 1;
    private const int SIG_SETMASK = 2;

    private readonly TracedProcess _process;
    private readonly TracedThread _thread;
    private readonly ulong _pad;
    private readonly List<SeccompFilter> _filters;

    private CallGuard(TracedProcess process, TracedThread thread, ulong pad, List<SeccompFilter> filters) =>
        (_process, _thread, _pad, _filters) = (process, thread, pad, filters);

    /// <returns>Null for a thread whose calls nobody watches.</returns>
    public static CallGuard? Enter(TracedProcess process, TracedThread thread, RemoteAddress pad, RemoteAddress scratch, ulong scratchLength)
    {
        CheckDispatch(process, thread);
        string mode = ProcStatus.Of(thread.Tid).TryText("Seccomp") ?? "0";
        if (mode == "0")
            return null;
        if (int.Parse(mode, CultureInfo.InvariantCulture) == Strict)
        {
            throw Refused(
                process, thread, "seccomp in strict mode",
                "the kernel kills it for any call but read, write and exit; it could be asked nothing without that danger");
        }
        var guard = new CallGuard(process, thread, pad.Value, [.. Filters(process, thread).Select(p => new SeccompFilter(p.Code))]);
        guard.RequireWayBack(scratch, scratchLength);
        Tracer.SetOptions(thread.Tid, PtraceOptions.TraceSysGood | PtraceOptions.SuspendSeccomp);
        return guard;
    }

    /// <summary>Throws a blocker where the call could do the thread harm if we were killed right before it.</summary>
    public void Require(SyscallNumber number, int offset, ReadOnlySpan<ulong> arguments)
    {
        if (!Permits(number, offset, arguments))
            throw Forbidden(number);
    }

    public bool Permits(SyscallNumber number, int offset, ReadOnlySpan<ulong> arguments) => Answer(number, offset, arguments)
        is SeccompFilter.SECCOMP_RET_ALLOW or SeccompFilter.SECCOMP_RET_LOG or SeccompFilter.SECCOMP_RET_ERRNO;

    private void RequireWayBack(RemoteAddress scratch, ulong length)
    {
        Require(SyscallNumber.mmap, PadCode.AfterFirst, [scratch.Value, length]);
        RequireAllowed(SyscallNumber.munmap, PadCode.AfterUnmap, [scratch.Value, length]);
        RequireAllowed(SyscallNumber.rt_sigprocmask, PadCode.AfterMask, [SIG_SETMASK, _pad + PadCode.Words, 0, sizeof(ulong)]);
    }

    private void RequireAllowed(SyscallNumber number, int offset, ReadOnlySpan<ulong> arguments)
    {
        if (Answer(number, offset, arguments) is not (SeccompFilter.SECCOMP_RET_ALLOW or SeccompFilter.SECCOMP_RET_LOG))
            throw Forbidden(number);
    }

    private uint Answer(SyscallNumber number, int offset, ReadOnlySpan<ulong> arguments) =>
        SeccompFilter.Answer(_filters, number, _pad + (ulong)offset, arguments);

    private EngineException Forbidden(SyscallNumber number) => Refused(
        _process, _thread, "a seccomp filter",
        $"the filter does not let the thread call {number}, which a save has to have it do; were the save killed in that moment, the filter "
        + "would act against the program");

    private static IReadOnlyList<SeccompProgram> Filters(TracedProcess process, TracedThread thread)
    {
        try
        {
            return SeccompProgram.Of(thread.Tid);
        }
        catch (LinuxException e)
        {
            throw Refused(process, thread, "a seccomp filter", $"it cannot be read: {e.Message}");
        }
    }

    /// <summary>A dispatched call would become a SIGSYS. The selector, a byte of the program's, says whether calls are dispatched.</summary>
    private static void CheckDispatch(TracedProcess process, TracedThread thread)
    {
        if (Tracer.GetSyscallUserDispatch(thread.Tid) is not { mode: not 0 } dispatch)
            return;
        if (dispatch.selector != 0 && process.Memory.Read<byte>(new RemoteAddress(dispatch.selector)) == 0)
            return;
        Blocker blocker = new(
            "SyscallUserDispatch", process.Pid, null, $"thread {thread.Tid}",
            "at this moment its system calls are redirected to itself (prctl PR_SET_SYSCALL_USER_DISPATCH, as Wine does), ours would be, too",
            "try again: at another moment they may not be");
        throw new EngineException([blocker], $"Process {process.Pid} cannot be saved at this moment. It runs on unchanged.");
    }

    private static EngineException Refused(TracedProcess process, TracedThread thread, string what, string why) => new(
        [new Blocker("Seccomp", process.Pid, null, $"thread {thread.Tid}: {what}", why, "start the program without its sandbox, if it has an option for that")],
        $"Process {process.Pid} cannot be saved. It runs on unchanged.");
}
