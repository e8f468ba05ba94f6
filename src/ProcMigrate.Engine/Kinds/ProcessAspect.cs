using System.Text.Json;
using ProcMigrate.Engine.Freeze;
using ProcMigrate.Engine.Inject;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Engine.Save;
using ProcMigrate.Image.Records;

namespace ProcMigrate.Engine.Kinds;

/// <summary>
/// Something a process has that is neither mapping nor descriptor: its POSIX timers, its record locks. As with
/// <see cref="DescriptorKind"/>, all about it stands in one file, and in one line of <see cref="ProcessAspects"/>.
/// </summary>
internal abstract class ProcessAspect
{
    /// <summary>Stable name in the image.</summary>
    public abstract string Name { get; }

    /// <summary>The state to keep, or null where there is none. What cannot be kept is a blocker.</summary>
    public abstract JsonElement? Capture(TracedProcess process, RemoteCalls calls, SaveContext context);

    /// <summary>Reports what stands against it here, before anything is made.</summary>
    public virtual void Check(JsonElement state, ProcessRecord process, RestoreContext context)
    {
    }

    /// <summary>When all descriptors of the process are in place, and it has one thread yet.</summary>
    public virtual void RestoreAfterDescriptors(JsonElement state, ProcessInMaking process)
    {
    }

    /// <summary>When all its threads are there, still with the rights of this command.</summary>
    public virtual void RestoreBeforeCredentials(JsonElement state, ProcessInMaking process)
    {
    }

    /// <summary>When all its threads are there, with their credentials; last before the registers.</summary>
    public virtual void RestoreAfterThreads(JsonElement state, ProcessInMaking process)
    {
    }
}
