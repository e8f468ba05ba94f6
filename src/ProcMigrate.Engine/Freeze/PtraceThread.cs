using System.Runtime.ExceptionServices;
using ProcMigrate.Linux.Processes;
using ProcMigrate.Linux.Ptrace;

namespace ProcMigrate.Engine.Freeze;

/// <summary>
/// Runs work on a thread of its own. ptrace ties a tracee to the thread that attached, and PR_SET_PDEATHSIG to the thread
/// that spawned: neither may be a pool thread, whose end nobody decides.
/// </summary>
internal static class PtraceThread
{
    /// <param name="cancel">Ends every wait for a tracee.</param>
    public static T Run<T>(Func<T> work, CancellationToken cancel = default)
    {
        ChildSignals.LeaveOutStops();
        T result = default!;
        ExceptionDispatchInfo? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                using TraceeWait waits = TraceeWait.Enter(cancel);
                result = work();
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
        })
        { Name = "ptrace" };
        thread.Start();
        thread.Join();
        failure?.Throw();
        return result;
    }
}
