using ProcMigrate.Image.Format;
using ProcMigrate.Image.Records;

namespace ProcMigrate.Image;

public sealed partial class ImageReader
{
    /// <summary>
    /// Writes an image that says all that this one does and holds no memory but the vdso: enough to find out whether it could be
    /// restored somewhere.
    /// </summary>
    public void WriteDescription(ImageSink target)
    {
        var kept = new IndexBuilder();
        long tail = 0;
        foreach (var entry in entries)
        {
            if (entry.IsData && !IsVdso(entry)) continue;
            var unit = entry.IsData || entry.Kind == ExtentKind.CoreHeader ? ImageLimits.PageSize : sizeof(ulong);
            var moved = entry;
            moved.Offset = (tail + unit - 1) / unit * unit;
            var at = moved.Offset;
            source.Checksum(entry.Offset, entry.StoredLength, block =>
            {
                target.Write(block, at);
                at += block.Length;
            });
            kept.Add(moved);
            tail = at;
        }
        IndexFile.Write(target, (tail + sizeof(ulong) - 1) / sizeof(ulong) * sizeof(ulong), kept.Entries.AsSpan(0, kept.Count),
            (uint)FormatVersion);
        target.Publish();
    }

    private bool IsVdso(in IndexEntry entry)
    {
        if (entry.Kind != ExtentKind.Memory) return false;
        foreach (var process in Tree.Processes)
        {
            if (process.Pid != entry.Owner) continue;
            foreach (var mapping in process.Mappings)
                if (mapping.Backing == MappingBacking.Vdso && entry.Address >= mapping.Start && entry.Address < mapping.End) return true;
        }
        return false;
    }
}
