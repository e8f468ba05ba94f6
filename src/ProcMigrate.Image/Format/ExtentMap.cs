using System.Collections;

namespace ProcMigrate.Image.Format;

/// <summary>Finds the extents of a process or an object, in order of address; four bytes an extent beside the index.</summary>
internal sealed class ExtentMap
{
    private readonly IndexEntry[] entries;
    private readonly int[] order;
    private readonly Dictionary<(ExtentKind Kind, int Owner), Range> slices = [];

    /// <summary>Takes the first <paramref name="count"/> entries, which must not change any more.</summary>
    public ExtentMap(IndexEntry[] entries, int count, ImageFaults faults)
    {
        this.entries = entries;
        var data = 0;
        for (var i = 0; i < count; i++) data += entries[i].IsData ? 1 : 0;
        order = new int[data];
        for (int i = 0, next = 0; i < count; i++)
            if (entries[i].IsData) order[next++] = i;
        Array.Sort(order, (a, b) => IndexEntry.CompareByAddress(entries[a], entries[b]));
        Slice(faults);
    }

    /// <summary>Who has extents.</summary>
    public IEnumerable<(ExtentKind Kind, int Owner)> Owners => slices.Keys;

    public IReadOnlyList<MemoryExtent> Of(ExtentKind kind, int owner) =>
        slices.TryGetValue((kind, owner), out var range) ? new View(this, range) : [];

    private void Slice(ImageFaults faults)
    {
        for (int start = 0, i = 1; i <= order.Length; i++)
        {
            ref readonly var last = ref entries[order[i - 1]];
            if (i < order.Length && entries[order[i]].Kind == last.Kind && entries[order[i]].Owner == last.Owner)
            {
                if (entries[order[i]].Address < last.Address + (ulong)last.RawLength)
                    throw faults.Damaged($"the {entries[order[i]]} is stored twice");
                continue;
            }
            slices.Add((last.Kind, last.Owner), start..i);
            start = i;
        }
    }

    private sealed class View(ExtentMap map, Range range) : IReadOnlyList<MemoryExtent>
    {
        public int Count => range.End.Value - range.Start.Value;

        public MemoryExtent this[int index]
        {
            get
            {
                ArgumentOutOfRangeException.ThrowIfNegative(index);
                ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, Count);
                return map.entries[map.order[range.Start.Value + index]].ToExtent();
            }
        }

        public IEnumerator<MemoryExtent> GetEnumerator()
        {
            for (var i = range.Start.Value; i < range.End.Value; i++) yield return map.entries[map.order[i]].ToExtent();
        }

        IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
    }
}
