namespace ProcMigrate.Image.Format;

/// <summary>Follows the entries in file order through the cores: header, memory, notes, program headers, then the next one.</summary>
internal sealed class CoreOrder(ImageFaults faults)
{
    private ExtentKind state = ExtentKind.CoreSegments;
    private int owner;
    private int count;

    /// <summary>Whether at least one core was seen and the last is complete.</summary>
    public bool Closed => state == ExtentKind.CoreSegments && count > 0;

    public void Next(in IndexEntry entry, bool behindTree)
    {
        if (entry.Kind == ExtentKind.ObjectData) return;
        if (behindTree) throw faults.Damaged($"the {entry} lies behind the tree");
        var expected = entry.Kind switch
        {
            ExtentKind.CoreHeader => state == ExtentKind.CoreSegments,
            ExtentKind.Memory => state is ExtentKind.CoreHeader or ExtentKind.Memory,
            ExtentKind.CoreNotes => state is ExtentKind.CoreHeader or ExtentKind.Memory,
            _ => state == ExtentKind.CoreNotes,
        };
        if (!expected || (entry.Kind != ExtentKind.CoreHeader && entry.Owner != owner))
            throw faults.Damaged($"the {entry} is not where it belongs");
        if (entry.Kind == ExtentKind.CoreHeader) Begin(entry);
        (state, owner) = (entry.Kind, entry.Owner);
    }

    private void Begin(in IndexEntry entry)
    {
        if (entry.RawLength != ImageLimits.PageSize || entry.Offset % ImageLimits.PageSize != 0)
            throw faults.Damaged($"the {entry} is not a page");
        if (count == 0 && entry.Offset != 0) throw faults.Damaged("it does not begin with a core");
        count++;
    }
}
