using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Memory;
using ProcMigrate.Linux.ProcFs;

namespace ProcMigrate.Engine.Memory;

/// <summary>
/// Which pages of a process belong into its image: those of private memory that were ever written. Pages never touched read
/// as zero, clean pages of a private file mapping come from the file, shared memory is an object of its own.
/// </summary>
internal static class StoredPages
{
    /// <summary>Marks ranges of <see cref="Of"/> over a file, whose pages are stored even when they are all zero.</summary>
    public const PageCategory OverFile = PageCategory.File;

    /// <summary>Marks ranges of which other processes may have pages, too: see <see cref="ProcessMemory"/>.</summary>
    public const PageCategory WithOthers = PageCategory.Present;

    /// <param name="maps">The mappings as smaps shows them.</param>
    public static List<PageRange> Of(ProcessRecord process, IReadOnlyList<MemoryMap> maps)
    {
        using PageScanner scanner = PageScanner.Open(process.Pid);
        var ranges = new List<PageRange>();
        HashSet<ulong> withOthers = [.. maps.Where(m => m.HasSharedPages).Select(m => m.Start.Value)];
        foreach (MappingRecord mapping in process.Mappings)
        {
            if (mapping.Shared || mapping.Backing is MappingBacking.Vdso or MappingBacking.Vvar)
                continue;
            // Memory that may vanish at any time (MAP_DROPPABLE) does: the random state that libc keeps in it must not be
            // twice in the world.
            if (mapping.VmFlags.Contains("dp"))
                continue;
            PageCategory unwanted = PageCategory.ZeroPage | PageCategory.Guard
                | (mapping.Backing == MappingBacking.Object ? PageCategory.File : 0);
            // A page of zeros that the program wrote over a page of a file is no page to leave out: the file's would be read.
            PageCategory kept = (mapping.Backing == MappingBacking.Object ? OverFile : PageCategory.None)
                | (withOthers.Contains(mapping.Start) ? WithOthers : PageCategory.None);
            foreach (PageRange range in scanner.Scan(new RemoteAddress(mapping.Start), new RemoteAddress(mapping.End)))
            {
                if ((range.Categories & unwanted) == 0)
                    Append(ranges, range with { Categories = kept }, mapping.Start);
            }
        }
        return ranges;
    }

    /// <summary>Joins neighbours of different categories, but no two mappings: an extent of the image lies within one.</summary>
    private static void Append(List<PageRange> ranges, PageRange range, ulong mappingStart)
    {
        if (ranges.Count > 0 && ranges[^1].End == range.Start && range.Start.Value != mappingStart)
            ranges[^1] = ranges[^1] with { End = range.End };
        else
            ranges.Add(range);
    }
}
