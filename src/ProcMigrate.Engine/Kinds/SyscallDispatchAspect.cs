using System.Text.Json;
using ProcMigrate.Engine.Freeze;
using ProcMigrate.Engine.Inject;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Engine.Save;
using ProcMigrate.Linux.Ptrace;

namespace ProcMigrate.Engine.Kinds;

/// <summary>Syscall user dispatch (prctl PR_SET_SYSCALL_USER_DISPATCH), per thread: set last, as it could catch our own calls.</summary>
internal sealed class SyscallDispatchAspect : ProcessAspect
{
    public override string Name => "syscall-dispatch";

    public override JsonElement? Capture(TracedProcess process, RemoteCalls calls, SaveContext context)
    {
        var states = new List<SyscallDispatchState>();
        foreach (TracedThread thread in process.Threads)
        {
            if (Tracer.GetSyscallUserDispatch(thread.Tid) is { mode: not 0 } d)
                states.Add(new SyscallDispatchState(thread.Tid, d.mode, d.selector, d.offset, d.len));
        }
        return states.Count == 0 ? null : JsonSerializer.SerializeToElement(states, StateJson.Default.ListSyscallDispatchState);
    }

    public override void RestoreAfterThreads(JsonElement state, ProcessInMaking process)
    {
        foreach (SyscallDispatchState s in RestoreContext.Parse(Name, state, StateJson.Default.ListSyscallDispatchState))
        {
            var wanted = new SyscallUserDispatchConfig { mode = s.Mode, selector = s.Selector, offset = s.Offset, len = s.Length };
            process.Context.AtEnd(() => Tracer.SetSyscallUserDispatch(s.Tid, wanted));
        }
    }
}

/// <summary>The dispatch of one thread: calls from outside of Offset and Length are caught while the byte at Selector says so.</summary>
internal sealed record SyscallDispatchState(int Tid, ulong Mode, ulong Selector, ulong Offset, ulong Length);
