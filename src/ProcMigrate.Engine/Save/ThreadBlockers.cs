using ProcMigrate.Engine.Freeze;
using ProcMigrate.Linux.ProcFs;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Save;

/// <summary>
/// What a thread may have that forbids having it make calls for us: a 32-bit thread has another set of calls. Looked at from
/// outside, before any thread is entered. (Whether its system calls are filtered, CallGuard looks at.)
/// </summary>
internal static class ThreadBlockers
{
    /// <summary>Whether the threads of a process may be entered; what forbids it is reported.</summary>
    public static bool Allow(TracedProcess process, SaveContext context)
    {
        int before = context.Blockers.Count;
        foreach (TracedThread thread in process.Threads)
            Check(process, thread, ProcStatus.Of(thread.Tid), context);
        return context.Blockers.Count == before;
    }

    private static void Check(TracedProcess process, TracedThread thread, ProcStatus status, SaveContext context)
    {
        int tid = thread.Tid;
        if (thread.Registers.cs != UserRegisters.Code64)
        {
            context.Block(new Blocker(
                "NotA64BitProgram", process.Pid, null, $"thread {tid}", "only 64-bit programs can be saved", "use a 64-bit build of the program"));
        }
        if (status.TryText("x86_Thread_features") is { Length: > 0 } features)
        {
            context.Block(new Blocker(
                "ShadowStack", process.Pid, null, $"thread {tid}: {features}",
                "its shadow stack cannot be made again from outside", "start it with GLIBC_TUNABLES=glibc.cpu.x86_shstk=off"));
        }
    }
}
