using System.Text.Json;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Engine.Save;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Kinds;

/// <summary>
/// One class of open files: how it is recognised, what of it is captured, how it is made again. All about a kind stands in
/// its one file, and in one line of <see cref="DescriptorKinds"/>.
/// </summary>
internal abstract class DescriptorKind
{
    /// <summary>Stable name in the image.</summary>
    public abstract string Name { get; }

    public abstract bool Recognises(DescriptorFacts facts);

    /// <summary>The state to keep; or null, with at least one blocker reported to the context.</summary>
    public abstract JsonElement? Capture(DescriptorFacts facts, SaveContext context);

    /// <summary>
    /// Called when the object has its id and is found by whoever meets it again: for what may lead back to it, as a socket
    /// that lies in its own queue.
    /// </summary>
    public virtual void Captured(DescriptorFacts facts, int objectId, SaveContext context)
    {
    }

    /// <summary>Reports what stands against recreating it here. Changes nothing.</summary>
    public virtual void Check(ObjectRecord record, RestoreContext context)
    {
    }

    /// <summary>
    /// The open file anew, in our own table; the restored processes get duplicates of it. Called once for an object, when all
    /// processes are there (as copies of the seed) and none has its memory yet.
    /// </summary>
    public abstract Descriptor Recreate(ObjectRecord record, RestoreContext context);

    /// <summary>
    /// Whether nothing of the kind keeps what <see cref="Recreate"/> returned: then our own descriptor need not stay open once a process of
    /// the tree has the file, and a tree may have more files than our table has room for.
    /// </summary>
    public virtual bool LeavesOurTable => false;

    /// <summary>Whether that is so by now.</summary>
    public virtual bool MayLeave(ObjectRecord record, RestoreContext context) => LeavesOurTable;

    /// <summary>
    /// For what hangs on the process and the number, not on the open file alone: called for every descriptor of every process
    /// when all descriptors of that process are in place.
    /// </summary>
    public virtual void Placed(ObjectRecord record, DescriptorRecord descriptor, ProcessInMaking process)
    {
    }
}
