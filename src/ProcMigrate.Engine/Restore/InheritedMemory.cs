using ProcMigrate.Image;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;

namespace ProcMigrate.Engine.Restore;

/// <summary>
/// What a child need not load, because it is born with it: pages of private memory that are the same in its parent. After
/// fork(2) the two shared them copy-on-write; loaded twice, the memory of a server with many workers would multiply.
/// </summary>
internal sealed class InheritedMemory
{
    private const int PieceBytes = 1 << 20;
    private readonly RestoreContext _context;
    private readonly byte[] _ours = new byte[PieceBytes];
    private readonly byte[] _theirs = new byte[PieceBytes];
    private readonly List<AddressRange> _mapped = [];
    private readonly List<AddressRange> _same = [];
    private readonly List<AddressRange> _unwanted = [];

    private InheritedMemory(RestoreContext context) => _context = context;

    /// <summary>Nothing inherited.</summary>
    public static IReadOnlyList<AddressRange> None { get; } = [];

    /// <summary>Ranges that are mapped alike in both, in order: they stay when the child clears its address space.</summary>
    public IReadOnlyList<AddressRange> Mapped => _mapped;

    /// <summary>Pages, in order, that hold what the child is to have.</summary>
    public IReadOnlyList<AddressRange> Same => _same;

    /// <summary>Pages that the child is to have none of its own of.</summary>
    public IReadOnlyList<AddressRange> Unwanted => _unwanted;

    /// <returns>Null where the child gains nothing.</returns>
    public static InheritedMemory? Between(ProcessRecord parent, ProcessRecord child, RestoreContext context)
    {
        var inherited = new InheritedMemory(context);
        inherited.FindMapped(parent.Mappings, child.Mappings);
        inherited.Compare(context.Image.MemoryOf(parent.Pid), context.Image.MemoryOf(child.Pid));
        return inherited._same.Count > 0 ? inherited : null;
    }

    private void FindMapped(IReadOnlyList<MappingRecord> parent, IReadOnlyList<MappingRecord> child)
    {
        for (int p = 0, c = 0; p < parent.Count && c < child.Count;)
        {
            ulong start = Math.Max(parent[p].Start, child[c].Start), end = Math.Min(parent[p].End, child[c].End);
            if (start < end && Alike(parent[p], child[c]))
                _mapped.Add(new AddressRange(start, end));
            if (parent[p].End <= child[c].End)
                p++;
            else
                c++;
        }
    }

    /// <summary>Private, of the same thing with the same rights and flags; locks aside, which fork(2) does not pass on.</summary>
    private static bool Alike(MappingRecord a, MappingRecord b)
    {
        bool plain = a.Backing is MappingBacking.Anonymous or MappingBacking.Object && !a.Shared && a.HugePageBytes == 0 && a.Guards.Count + b.Guards.Count == 0;
        return plain && !b.Shared && a.Backing == b.Backing && a.ObjectId == b.ObjectId && a.ObjectOffset - a.Start == b.ObjectOffset - b.Start
            && a.Protection == b.Protection && a.ProtectionKey == b.ProtectionKey && a.Name == b.Name && FlagsOf(a) is { } flags && flags == FlagsOf(b);
    }

    /// <returns>Null for memory that fork(2) does not pass on: MADV_DONTFORK, MADV_WIPEONFORK, MAP_DROPPABLE.</returns>
    private static string? FlagsOf(MappingRecord mapping)
    {
        string flags = "";
        foreach (string flag in mapping.VmFlags)
        {
            if (flag is "dc" or "wf" or "dp")
                return null;
            if (flag is not ("lo" or "lf"))
                flags += flag;
        }
        return flags;
    }

    private void Compare(IReadOnlyList<MemoryExtent> parent, IReadOnlyList<MemoryExtent> child)
    {
        int p = 0, c = 0;
        foreach (AddressRange range in _mapped)
        {
            for (; p < parent.Count && parent[p].Address < range.End; p++)
            {
                (ulong start, ulong end) = Clip(parent[p], range);
                ulong at = start;
                for (; c < child.Count && child[c].Address < end; c++)
                {
                    (ulong from, ulong to) = Clip(child[c], new AddressRange(start, end));
                    if (from < to)
                    {
                        Append(_unwanted, at, from);
                        ComparePages(parent[p], child[c], from, to);
                        at = to;
                    }
                    if (EndOf(child[c]) > end)
                        break;
                }
                Append(_unwanted, at, end);
                if (EndOf(parent[p]) > range.End)
                    break;
            }
        }
    }

    private void ComparePages(in MemoryExtent parent, in MemoryExtent child, ulong from, ulong to)
    {
        for (ulong at = from; at < to; at += PieceBytes)
        {
            int length = (int)Math.Min(PieceBytes, to - at);
            Read(parent, at, _ours.AsSpan(0, length));
            Read(child, at, _theirs.AsSpan(0, length));
            for (int page = 0; page < length; page += PageSize.Bytes)
            {
                if (_ours.AsSpan(page, PageSize.Bytes).SequenceEqual(_theirs.AsSpan(page, PageSize.Bytes)))
                    Append(_same, at + (ulong)page, at + (ulong)page + PageSize.Bytes);
            }
        }
    }

    private void Read(in MemoryExtent extent, ulong address, Span<byte> bytes)
    {
        _context.Image.ReadPart(extent, (long)(address - extent.Address), bytes);
    }

    private static ulong EndOf(in MemoryExtent extent) => extent.Address + (ulong)extent.RawLength;

    private static (ulong Start, ulong End) Clip(in MemoryExtent extent, AddressRange range)
    {
        ulong start = Math.Max(extent.Address, range.Start);
        return (start, Math.Max(start, Math.Min(EndOf(extent), range.End)));
    }

    private static void Append(List<AddressRange> ranges, ulong start, ulong end)
    {
        if (start >= end)
            return;
        if (ranges.Count > 0 && ranges[^1].End == start)
            ranges[^1] = new AddressRange(ranges[^1].Start, end);
        else
            ranges.Add(new AddressRange(start, end));
    }
}
