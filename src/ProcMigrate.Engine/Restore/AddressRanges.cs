using ProcMigrate.Image.Records;

namespace ProcMigrate.Engine.Restore;

/// <summary>Ranges of addresses in order, none overlapping.</summary>
internal static class AddressRanges
{
    /// <summary>What of a range lies in none of the others.</summary>
    public static IEnumerable<AddressRange> Outside(IReadOnlyList<AddressRange> others, ulong start, ulong end)
    {
        for (int i = FirstEndingBehind(others, start); i < others.Count && others[i].Start < end; i++)
        {
            if (start < others[i].Start)
                yield return new AddressRange(start, others[i].Start);
            start = Math.Max(start, others[i].End);
        }
        if (start < end)
            yield return new AddressRange(start, end);
    }

    private static int FirstEndingBehind(IReadOnlyList<AddressRange> ranges, ulong address)
    {
        int low = 0, high = ranges.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            (low, high) = ranges[middle].End <= address ? (middle + 1, high) : (low, middle);
        }
        return low;
    }
}
