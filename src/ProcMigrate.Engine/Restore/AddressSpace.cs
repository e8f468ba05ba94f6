using ProcMigrate.Engine.Kinds;
using ProcMigrate.Engine.Restore.Locked;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.ProcFs;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Restore;

/// <summary>Makes the mappings of a process as they were, empty; <see cref="MemoryLoader"/> fills them.</summary>
/// <param name="kept">Ranges that the process was born with as they are to be (<see cref="InheritedMemory"/>).</param>
internal sealed class AddressSpace(
    ProcessRecord record, RestorerArea area, CallTable calls, RestoreContext context, IReadOnlyList<AddressRange> kept)
{
    private readonly AioRings _rings = new(calls, area, context);
    private readonly AttachedSegments _segments = new(calls, context);
    private const int PROT_WRITE = 2;
    private const ulong MAP_SHARED = 0x1;
    private const ulong MAP_PRIVATE = 0x2;
    private const ulong MAP_DROPPABLE = 0x8;
    private const ulong MAP_ANONYMOUS = 0x20;
    private const ulong MAP_GROWSDOWN = 0x100;
    private const ulong MAP_HUGETLB = 0x40000;
    private const int MAP_HUGE_SHIFT = 26;
    private const ulong MAP_NORESERVE = 0x4000;
    private const ulong MAP_FIXED_NOREPLACE = 0x100000;
    private const ulong MREMAP_MAYMOVE_FIXED = 1 | 2;

    /// <summary>madvise(2) values for what smaps shows, given before memory is filled.</summary>
    public static readonly (string Flag, ulong Advice)[] Advices =
    [
        ("sr", 2 /* MADV_SEQUENTIAL */), ("rr", 1 /* MADV_RANDOM */), ("dc", 10 /* MADV_DONTFORK */),
        ("mg", 12 /* MADV_MERGEABLE */), ("hg", 14 /* MADV_HUGEPAGE */), ("nh", 15 /* MADV_NOHUGEPAGE */),
        ("dd", 16 /* MADV_DONTDUMP */), ("wf", 18 /* MADV_WIPEONFORK */),
    ];

    /// <summary>
    /// Unmaps the memory that it was born with, the seed's or a parent's, and brings the kernel's pages to their old places. These may lie where the others still
    /// are, so all go to a place of ours first.
    /// </summary>
    public void ClearAndPlaceVdso(int pid)
    {
        List<MemoryMap> maps = MemoryMap.ReadMaps(pid);
        RemoteAddress waiting = area.Start + PageSize.RoundUp(RestorerArea.Length) + 0x10_0000;
        var moves = new List<(RemoteAddress From, MappingRecord To)>();
        foreach (MemoryMap map in maps)
        {
            if (map.Name == "[vsyscall]" || (map.Start >= area.Start && map.End <= area.Start + RestorerArea.Length))
                continue;
            if (TargetOf(map) is { } target)
            {
                calls.Add(SyscallNumber.mremap, $"{map.Name}", map.Start.Value, map.Length, map.Length, MREMAP_MAYMOVE_FIXED, waiting.Value);
                moves.Add((waiting, target));
                waiting += map.Length;
            }
            else
            {
                foreach (AddressRange range in AddressRanges.Outside(kept, map.Start.Value, map.End.Value))
                    calls.Add(SyscallNumber.munmap, $"inherited {map.Name}", range.Start, range.End - range.Start);
            }
        }
        foreach ((RemoteAddress from, MappingRecord to) in moves)
            calls.Add(SyscallNumber.mremap, $"{to.Name}", from.Value, to.End - to.Start, to.End - to.Start, MREMAP_MAYMOVE_FIXED, to.Start);
        calls.Run();
    }

    /// <summary>The mapping of the image that a kernel page of the seed becomes.</summary>
    private MappingRecord? TargetOf(MemoryMap map) =>
        map.Name is "[vdso]" or "[vvar]" or "[vvar_vclock]"
            ? record.Mappings.FirstOrDefault(m => m.Name == map.Name && m.End - m.Start == map.Length)
            : null;

    /// <param name="descriptorOf">The tracee's descriptor for an object.</param>
    public void Map(IReadOnlyDictionary<int, int> descriptorOf)
    {
        foreach (MappingRecord m in record.Mappings)
        {
            if (m.Backing is MappingBacking.Vdso or MappingBacking.Vvar)
                continue;
            if (m.Backing == MappingBacking.Object && context.Object(m.ObjectId) is { Kind: SysvMemoryKind.KindName } segment)
            {
                _segments.Add(m, segment);
                continue;
            }
            if (m.Backing == MappingBacking.Object && context.Object(m.ObjectId).Kind == AioRingKind.KindName)
            {
                _rings.Add(m);
                continue;
            }
            ulong descriptor = m.Backing == MappingBacking.Object ? (ulong)descriptorOf[m.ObjectId] : ulong.MaxValue;
            foreach (AddressRange range in AddressRanges.Outside(kept, m.Start, m.End))
                Map(m with { Start = range.Start, End = range.End, ObjectOffset = m.ObjectOffset + (range.Start - m.Start) }, descriptor);
        }
        calls.Run();
        _segments.Attach();
        _rings.SetUp();
    }

    private void Map(MappingRecord m, ulong descriptor)
    {
        string what = $"{m.Start:x}-{m.End:x} {m.Name ?? (m.ObjectId == 0 ? "" : context.Object(m.ObjectId).Title)}";
        // Accounted ("ac") though not writable: it was writable once (a relocated table). Only so mapped does it get the
        // flag again, without which the kernel would merge it with its neighbours.
        int protection = m.VmFlags.Contains("ac") && !m.Shared ? m.Protection | PROT_WRITE : m.Protection;
        calls.Add(
            SyscallNumber.mmap, what, m.Start, m.End - m.Start, (ulong)protection, Flags(m), descriptor, m.ObjectOffset,
            expected: (long)m.Start);
        if (protection != m.Protection)
            calls.Add(SyscallNumber.mprotect, what, m.Start, m.End - m.Start, (ulong)m.Protection);
        foreach ((string flag, ulong advice) in Advices)
        {
            if (m.VmFlags.Contains(flag))
                calls.Add(SyscallNumber.madvise, what, m.Start, m.End - m.Start, advice);
        }
        AddName(m, what);
    }

    /// <summary>What must wait until the memory is filled: guards and locks.</summary>
    public void Finish()
    {
        const ulong MADV_GUARD_INSTALL = 102;
        foreach (AddressRange guard in record.Mappings.SelectMany(m => m.Guards))
            calls.Add(SyscallNumber.madvise, $"guard pages {guard.Start:x}-{guard.End:x}", guard.Start, guard.End - guard.Start, MADV_GUARD_INSTALL);
        calls.Run();
        new LockedMemory(record, calls, context).Lock();
    }

    /// <summary>After this, nothing of a sealed mapping can be changed any more (mseal(2), Linux 6.10).</summary>
    public void Seal()
    {
        foreach (MappingRecord m in record.Mappings.Where(m => m.VmFlags.Contains("sl")))
            calls.Add(SyscallNumber.mseal, $"sealing {m.Start:x}-{m.End:x}", m.Start, m.End - m.Start);
        calls.Run();
    }

    private void AddName(MappingRecord m, string what)
    {
        if (MemoryNames.Of(m) is { } name && MemoryNames.AreKnown(m))
        {
            calls.Add(
                SyscallNumber.prctl, what, MemoryNames.PR_SET_VMA, MemoryNames.PR_SET_VMA_ANON_NAME, m.Start, m.End - m.Start, calls.Text(name).Value);
        }
    }

    private static ulong Flags(MappingRecord m)
    {
        ulong flags = MAP_FIXED_NOREPLACE;
        flags |= m.VmFlags.Contains("dp") ? MAP_DROPPABLE : m.Shared ? MAP_SHARED : MAP_PRIVATE;
        if (m.Backing == MappingBacking.Anonymous)
            flags |= MAP_ANONYMOUS;
        if (m.HugePageBytes > 0)
            flags |= MAP_HUGETLB | (ulong)int.Log2(m.HugePageBytes) << MAP_HUGE_SHIFT;
        if (m.VmFlags.Contains("gd"))
            flags |= MAP_GROWSDOWN;
        if (m.VmFlags.Contains("nr"))
            flags |= MAP_NORESERVE;
        return flags;
    }
}
