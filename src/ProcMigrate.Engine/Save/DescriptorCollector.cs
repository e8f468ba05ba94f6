using ProcMigrate.Engine.Freeze;
using ProcMigrate.Engine.Kinds;
using ProcMigrate.Engine.Kinds.Files;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Processes;
using ProcMigrate.Linux.ProcFs;

namespace ProcMigrate.Engine.Save;

/// <summary>Reads a descriptor table: each open file once, however many descriptors share it.</summary>
internal sealed class DescriptorCollector(TracedProcess process, SaveContext context)
{
    private readonly int _parent = process.Stat.ParentPid;

    public IReadOnlyList<DescriptorRecord> Collect()
    {
        var records = new List<DescriptorRecord>();
        foreach (int fd in ProcFolders.Descriptors(process.Pid))
        {
            context.Cancel.ThrowIfCancellationRequested();
            using var facts = new DescriptorFacts(process, fd);
            if ((Inherited(fd) ?? TryFindOrCapture(facts)) is not { } objectId)
                continue;
            FileLockAspect.Note(facts, objectId, context);
            records.Add(new DescriptorRecord(fd, objectId, facts.Info.CloseOnExec));
        }
        context.Descriptors.Add(process.Pid, records);
        return records;
    }

    /// <summary>The object of one descriptor, captured if it is new; null and a blocker where that is impossible.</summary>
    public int? Collect(int fd)
    {
        using var facts = new DescriptorFacts(process, fd);
        FileLockAspect.NoteInFlight(facts, context);
        return FindOrCapture(facts);
    }

    /// <summary>Most descriptors of a child are its parent's, under the same number: one question answers it.</summary>
    private int? Inherited(int fd)
    {
        int objectId = context.Descriptors.ObjectAt(_parent, fd);
        return objectId != 0 && Kcmp.Compare(_parent, process.Pid, Kcmp.KCMP_FILE, fd, fd) == 0 ? objectId : null;
    }

    private int? TryFindOrCapture(DescriptorFacts facts)
    {
        try
        {
            return FindOrCapture(facts);
        }
        catch (LinuxException e) when (DeadFileSystem.Is(e))
        {
            context.Block(DeadFileSystem.Blocker(process.Pid, facts.Fd, facts.Link, e));
            return null;
        }
    }

    private int? FindOrCapture(DescriptorFacts facts)
    {
        SortedSet<OpenFileSeen> alike = context.Descriptors.Alike(facts.Likeness);
        return alike.TryGetValue(new OpenFileSeen(process.Pid, facts.Fd, 0), out OpenFileSeen? seen) ? seen.ObjectId : Capture(facts, alike);
    }

    private int? Capture(DescriptorFacts facts, SortedSet<OpenFileSeen> alike)
    {
        if (DescriptorKinds.Recognise(facts) is not { } kind)
        {
            context.Block(UnsupportedDescriptor.Describe(facts));
            return null;
        }
        try
        {
            if (kind.Capture(facts, context) is not { } state)
                return null;
            int objectId = context.Objects.Add(kind.Name, facts.Link, state);
            alike.Add(new OpenFileSeen(process.Pid, facts.Fd, objectId));
            if (SignalOwners.Capture(facts, context) is { } owner)
                context.Objects.Update(objectId, record => record with { SignalOwner = owner });
            kind.Captured(facts, objectId, context);
            return objectId;
        }
        catch (LinuxException e) when (!DeadFileSystem.Is(e))
        {
            context.Block(new Blocker(
                "DescriptorUnreadable", process.Pid, facts.Fd, facts.Link, e.Message, "close it, or save as root"));
            return null;
        }
    }
}
