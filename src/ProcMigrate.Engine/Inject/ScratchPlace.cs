using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.ProcFs;

namespace ProcMigrate.Engine.Inject;

/// <summary>Finds room in address spaces for memory of our own.</summary>
internal static class ScratchPlace
{
    // Far from zero, where NULL pointers and old programs look, and from the end of user space.
    private const ulong Lowest = 0x1_0000_0000;
    private const ulong Highest = 0x7fff_0000_0000;

    // A distance to the neighbours, so that no stack growing down, no merging of mappings and no overflow meets ours.
    private const ulong Margin = 0x100_0000;

    /// <summary>The start of a range of <paramref name="length"/> bytes that lies in none of the given ranges, nor near one.</summary>
    public static RemoteAddress Find(IEnumerable<AddressRange> used, ulong length)
    {
        ulong candidate = Lowest + Margin;
        foreach (AddressRange range in used.OrderBy(u => u.Start))
        {
            if (candidate + length + Margin <= range.Start)
                break;
            candidate = Math.Max(candidate, PageSize.RoundUp(range.End) + Margin);
        }
        return candidate + length + Margin <= Highest
            ? new RemoteAddress(candidate)
            : throw new EngineException(
                "NoAddressSpace", FailureClass.Failed, $"No {length} free bytes were found in the process's address space.");
    }

    public static RemoteAddress Find(IReadOnlyList<MemoryMap> maps, ulong length) =>
        Find(maps.Where(m => m.End.Value <= Highest).Select(m => new AddressRange(m.Start.Value, m.End.Value)), length);
}
