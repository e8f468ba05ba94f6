using System.Runtime.InteropServices;
using ProcMigrate.Image.Storage;

namespace ProcMigrate.Image.Format;

/// <summary>The index and the trailer behind it. The index is read twice: a file of zeros as large as a disk must not become as much memory.</summary>
internal static class IndexFile
{
    /// <summary>Entries of a block; a multiple of the entry's size that is near <see cref="SourceFile.ReadBlock"/>.</summary>
    private const int BlockEntries = SourceFile.ReadBlock / IndexEntry.Size;

    public static IndexEntry[] Read(SourceFile source, in ImageTrailer trailer, out IndexEntry tree)
    {
        Judge(source, trailer);
        var entries = new IndexEntry[trailer.IndexLength / IndexEntry.Size];
        source.Read(MemoryMarshal.AsBytes(entries.AsSpan()), trailer.IndexOffset);
        // Again, for the file may have changed under our feet.
        tree = IndexRules.Check(entries, trailer.IndexOffset, source.Faults);
        return entries;
    }

    /// <returns>The end of the image.</returns>
    public static long Write(ImageSink file, long offset, ReadOnlySpan<IndexEntry> entries, uint version)
    {
        var trailer = new ImageTrailer
        {
            IndexOffset = offset,
            Version = version,
            Magic = ImageTrailer.MagicValue,
        };
        using var stream = new ExtentStream(file, offset);
        stream.Write(MemoryMarshal.AsBytes(entries));
        stream.Flush();
        trailer.IndexCrc32C = stream.Crc;
        trailer.IndexLength = stream.Length;
        trailer.FileLength = offset + stream.Length + ImageTrailer.Size;
        trailer.Crc32C = trailer.ComputeCrc();
        stream.Write(MemoryMarshal.AsBytes(MemoryMarshal.CreateReadOnlySpan(ref trailer, 1)));
        stream.Flush();
        return trailer.FileLength;
    }

    /// <summary>Damage is told before contradiction: a flipped byte should not be called an unknown kind.</summary>
    private static void Judge(SourceFile source, in ImageTrailer trailer)
    {
        var rules = new IndexRules(trailer.IndexOffset, source.Faults);
        var left = trailer.IndexLength / IndexEntry.Size;
        var block = new IndexEntry[Math.Min(left, BlockEntries)];
        var crc = 0u;
        ImageException? contradiction = null;
        for (var offset = trailer.IndexOffset; left > 0; left -= block.Length)
        {
            var part = block.AsSpan(0, (int)Math.Min(left, block.Length));
            var bytes = MemoryMarshal.AsBytes(part);
            source.Read(bytes, offset);
            crc = Crc32C.Append(crc, bytes);
            contradiction ??= FirstContradiction(rules, part);
            offset += bytes.Length;
        }
        if (crc != trailer.IndexCrc32C) throw source.Faults.Damaged("wrong checksum of the index");
        if (contradiction is not null) throw contradiction;
    }

    private static ImageException? FirstContradiction(IndexRules rules, ReadOnlySpan<IndexEntry> entries)
    {
        try
        {
            foreach (ref readonly var entry in entries) rules.Next(entry);
            return null;
        }
        catch (ImageException e)
        {
            return e;
        }
    }
}
