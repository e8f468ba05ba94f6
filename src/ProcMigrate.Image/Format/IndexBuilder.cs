namespace ProcMigrate.Image.Format;

/// <summary>The index while it grows. Not synchronised.</summary>
internal sealed class IndexBuilder
{
    private static readonly Comparer<IndexEntry> ByOffset = Comparer<IndexEntry>.Create((a, b) => a.Offset.CompareTo(b.Offset));
    private static readonly Comparer<IndexEntry> ByAddress =
        Comparer<IndexEntry>.Create((a, b) => IndexEntry.CompareByAddress(a, b));

    public int Count { get; private set; }

    /// <summary>The first <see cref="Count"/> elements are the entries.</summary>
    public IndexEntry[] Entries { get; private set; } = new IndexEntry[256];

    public void Add(in IndexEntry entry)
    {
        if (Count == Entries.Length)
        {
            var larger = new IndexEntry[Count * 2];
            Entries.CopyTo(larger, 0);
            Entries = larger;
        }
        Entries[Count++] = entry;
    }

    public void SortByOffset() => Array.Sort(Entries, 0, Count, ByOffset);

    /// <summary>Memory of a process in order of address; only entries from <paramref name="from"/> on are looked at, and reordered.</summary>
    public IEnumerable<IndexEntry> MemoryOf(int pid, int from)
    {
        Array.Sort(Entries, from, Count - from, ByAddress);
        for (var i = from; i < Count; i++)
            if (Entries[i].Kind == ExtentKind.Memory && Entries[i].Owner == pid) yield return Entries[i];
    }
}
