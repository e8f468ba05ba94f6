using ProcMigrate.Engine.Kinds;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Processes;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Restore;

/// <summary>
/// System V shared memory in an address space. Only shmat(2) makes such mappings, always of the whole segment; what the
/// program has unmapped or protected since is done again.
/// </summary>
internal sealed class AttachedSegments(CallTable calls, RestoreContext context)
{
    private const int PROT_WRITE = 2;
    private const int PROT_EXEC = 4;
    private readonly List<Attachment> _attachments = [];

    public void Add(MappingRecord mapping, ObjectRecord segment)
    {
        ulong start = mapping.Start - mapping.ObjectOffset;
        Attachment? attachment = _attachments.Find(a => a.Segment.Id == segment.Id && a.Start == start);
        if (attachment is null)
            _attachments.Add(attachment = new Attachment(segment, start, []));
        attachment.Parts.Add(mapping);
    }

    public void Attach()
    {
        foreach (Attachment attachment in _attachments)
            Attach(attachment.Segment, attachment.Start, attachment.Parts);
        calls.Run();
    }

    private void Attach(ObjectRecord record, ulong start, List<MappingRecord> parts)
    {
        int id = SysvMemoryKind.Segment(record, context);
        ulong end = start + PageSize.RoundUp((ulong)SysvMemoryKind.StateOf(record).Size);
        // "mw": may be made writable, which one attached with SHM_RDONLY may not.
        bool writable = parts.Any(p => p.VmFlags.Contains("mw"));
        bool executable = parts.Any(p => (p.Protection & PROT_EXEC) != 0);
        int flags = (writable ? 0 : SysvIpc.SHM_RDONLY) | (executable ? SysvIpc.SHM_EXEC : 0);
        int protection = 1 | (writable ? PROT_WRITE : 0) | (executable ? PROT_EXEC : 0);
        calls.Add(SyscallNumber.shmat, record.Title, (ulong)id, start, (ulong)flags, expected: (long)start);
        ulong at = start;
        foreach (MappingRecord part in parts)
        {
            Unmap(at, part.Start, record);
            if (part.Protection != protection)
                calls.Add(SyscallNumber.mprotect, record.Title, part.Start, part.End - part.Start, (ulong)part.Protection);
            at = part.End;
        }
        Unmap(at, end, record);
    }

    private void Unmap(ulong start, ulong end, ObjectRecord record)
    {
        if (start < end)
            calls.Add(SyscallNumber.munmap, $"what the program has unmapped of {record.Title}", start, end - start);
    }

    /// <summary>What one shmat(2) has made, and what is left of it.</summary>
    private sealed record Attachment(ObjectRecord Segment, ulong Start, List<MappingRecord> Parts);
}
