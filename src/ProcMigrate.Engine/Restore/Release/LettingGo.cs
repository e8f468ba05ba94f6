using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Restore.Release;

/// <summary>
/// The moment in which a restored tree stops to depend on us. The kernel changes one thread at a time, from "killed with its tracer" to
/// "runs on", and we may be killed between any two. So the decision is one byte of the restore's record, and whatever happens, each thread
/// ends up as that byte says:
/// 1. a stop is made to wait for each process, so that a thread whose tracer dies stops before its first instruction;
/// 2. a <see cref="Guardian"/> takes hold of all processes. From here on, if we are killed, it kills the tree;
/// 3. the threads no longer die with us;
/// 4. the byte is written. From here on, if we are killed, the kernel lets go of all threads, and the guardian continues their processes;
/// 5. the stops are taken back, the threads let go.
/// No single kill, of us or of the guardian, leaves a part of a tree; and nothing of a tree that is not to be has run.
/// </summary>
internal sealed class LettingGo(RestoreContext context, IReadOnlyList<ProcessBuilder> builders)
{
    /// <summary>Steps 1 to 4; an exception means that the tree is still ours, to be ended.</summary>
    public IDisposable? Decide(ReleaseGate? gate)
    {
        foreach (ProcessBuilder builder in builders)
            builder.Hold();
        return gate is null ? DecideHere() : DecideThere(gate);
    }

    /// <summary>Step 5. The tree runs, whatever fails now: that is told, and ends with us at the latest.</summary>
    public void Release()
    {
        foreach (ProcessBuilder builder in builders)
        {
            try
            {
                builder.Release();
            }
            catch (LinuxException e)
            {
                LetGoAgain(builder, e);
            }
        }
    }

    /// <summary>
    /// A thread that stands at the stop that <see cref="ProcessBuilder.Hold"/> had sent would take it, were it left to our end to let it go,
    /// and the whole process stopped for ever: a SIGCONT before that is of no help.
    /// </summary>
    private void LetGoAgain(ProcessBuilder builder, LinuxException first)
    {
        try
        {
            builder.Release();
        }
        catch (LinuxException e)
        {
            context.Warnings.Add($"process {builder.Pid} is let go only when procmigrate ends; is it stopped then, continue it (kill -CONT): {first.Message}, then {e.Message}");
            builder.Continue();
        }
    }

    private Guardian DecideHere()
    {
        Guardian guardian = Guardian.Post(context.Record.File, [.. builders.Select(b => (b.Pid, b.Held))]);
        try
        {
            foreach (ProcessBuilder builder in builders)
                builder.Outlive();
            RequireWhole();
            context.Record.Commit();
            return guardian;
        }
        catch
        {
            // Before the guardian is sent away, which would leave those without us or it.
            foreach (ProcessBuilder builder in builders)
                builder.Kill();
            guardian.Dispose();
            throw;
        }
    }

    /// <summary>The decision is made together with another host, which settles it should we be killed meanwhile.</summary>
    private IDisposable? DecideThere(ReleaseGate gate)
    {
        gate.Prepare([.. builders.Select(b => (b.Pid, b.Held))]);
        try
        {
            foreach (ProcessBuilder builder in builders)
                builder.Outlive();
            context.Record.Commit();
            gate.Commit();
            return null;
        }
        catch
        {
            foreach (ProcessBuilder builder in builders)
                builder.Kill();
            throw;
        }
    }

    private void RequireWhole()
    {
        if (builders.FirstOrDefault(b => !b.Stands) is { } dead)
        {
            throw new EngineException(
                "RestoreDied", FailureClass.Failed, $"Process {dead.Pid} was killed by somebody else while it was being restored; nothing is left of the tree.");
        }
    }
}
