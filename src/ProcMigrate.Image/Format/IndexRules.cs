namespace ProcMigrate.Image.Format;

/// <summary>
/// What must be true of an index by itself: every extent well-formed, in the order of the file, nothing overlapping, cores whole.
/// Entries are shown one by one, so that an index can be judged before memory is taken for it.
/// </summary>
internal sealed class IndexRules(long end, ImageFaults faults)
{
    private readonly CoreOrder cores = new(faults);
    private IndexEntry? tree;
    private long previousEnd;

    /// <summary>Checks all entries of an index that begins at <paramref name="end"/>. Returns the one of the tree.</summary>
    public static IndexEntry Check(ReadOnlySpan<IndexEntry> entries, long end, ImageFaults faults)
    {
        var rules = new IndexRules(end, faults);
        foreach (ref readonly var entry in entries) rules.Next(entry);
        return rules.Finish();
    }

    public void Next(in IndexEntry entry)
    {
        CheckEntry(entry);
        if (entry.Offset < previousEnd) throw faults.Damaged($"the {entry} overlaps or precedes what comes before it");
        if (entry.Offset - previousEnd >= ImageLimits.PageSize)
            throw faults.Damaged($"{entry.Offset - previousEnd} bytes before the {entry} belong to nothing");
        if (entry.StoredLength > end - entry.Offset) throw faults.Damaged($"the {entry} reaches beyond the index");
        previousEnd = entry.End;
        if (entry.Kind != ExtentKind.Tree) cores.Next(entry, behindTree: tree is not null);
        else if (tree is not null) throw faults.Damaged("it has two trees");
        else tree = cores.Closed ? entry : throw faults.Damaged("the tree lies within a core");
    }

    /// <summary>After the last entry; returns the one of the tree.</summary>
    public IndexEntry Finish()
    {
        if (end - previousEnd >= ImageLimits.PageSize)
            throw faults.Damaged($"{end - previousEnd} bytes before the index belong to nothing");
        if (!cores.Closed) throw faults.Damaged("the last core is incomplete");
        return tree ?? throw faults.Damaged("it has no tree");
    }

    private void CheckEntry(in IndexEntry entry)
    {
        if (entry.Kind is < ExtentKind.CoreHeader or > ExtentKind.Tree)
            throw faults.UnknownContent($"an extent of kind {(int)entry.Kind}");
        if (entry.Codec != ExtentCodec.None && !(entry.Codec == ExtentCodec.Lz4 && entry.IsData))
            throw faults.UnknownContent($"an extent with codec {(int)entry.Codec} ({entry.Codec})");
        if (entry.Offset < 0 || entry.StoredLength <= 0 || !LengthsAgree(entry))
            throw faults.Damaged($"offset {entry.Offset} or length {entry.StoredLength} of the {entry} is impossible");
        if (entry.Reserved != 0) throw faults.Damaged($"the index entry of the {entry} has unknown bits");
        if (entry.Owner < 0 || entry.Owner == 0 != (entry.Kind == ExtentKind.Tree))
            throw faults.Damaged($"the {entry} belongs to nobody");
        if (entry.IsData) CheckData(entry);
        else if (entry.Address != 0) throw faults.Damaged($"the {entry} has an address");
    }

    private static bool LengthsAgree(in IndexEntry entry) => entry.Codec == ExtentCodec.None
        ? entry.RawLength == entry.StoredLength
        : entry.RawLength > entry.StoredLength;

    private void CheckData(in IndexEntry entry)
    {
        if (entry.RawLength > ImageLimits.ExtentBytes) throw faults.TooLarge(entry.ToString(), entry.RawLength, ImageLimits.ExtentBytes);
        if (entry.Codec == ExtentCodec.None && entry.Offset % ImageLimits.PageSize != 0) throw faults.Damaged($"the {entry} does not start at a page of the file");
        var limit = entry.Kind == ExtentKind.Memory ? ImageLimits.AddressEnd : long.MaxValue;
        if (entry.Address > limit - (ulong)entry.RawLength) throw faults.Damaged($"the {entry} ends above {limit:x}");
        if (entry.Kind == ExtentKind.Memory && (entry.Address % ImageLimits.PageSize != 0 || entry.RawLength % ImageLimits.PageSize != 0))
            throw faults.Damaged($"the {entry} is not made of whole pages");
    }
}
