using System.Buffers;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using ProcMigrate.Image.Core;
using ProcMigrate.Image.Format;
using ProcMigrate.Image.Records;
using ProcMigrate.Image.Storage;

namespace ProcMigrate.Image;

/// <summary>
/// Reads an image that nobody vouches for. <see cref="Open"/> proves everything but the memory and the data of objects;
/// <see cref="VerifyMemory"/> proves those.
/// </summary>
public sealed partial class ImageReader : IDisposable
{
    private readonly SourceFile source;
    private readonly IndexEntry[] entries;
    private readonly ExtentMap extents;
    private readonly long indexOffset;
    private byte[] unpacked = [];
    private long unpackedAt;

    private ImageReader(SourceFile source)
    {
        this.source = source;
        var trailer = ReadTrailer();
        FormatVersion = (int)trailer.Version;
        indexOffset = trailer.IndexOffset;
        entries = IndexFile.Read(source, trailer, out var treeEntry);
        extents = new ExtentMap(entries, entries.Length, Faults);
        CheckStructure();
        Tree = ReadTree(treeEntry);
        TreeRules.Check(Tree, Faults);
        TreeRules.CheckExtents(Tree, entries, extents, Faults);
    }

    /// <summary>The image, absolute.</summary>
    public string Path => Faults.Path;

    /// <summary>The open file, for reading by offset.</summary>
    public SafeFileHandle File => source.Handle;

    /// <summary>Bytes of the file.</summary>
    public long Length => source.Length;

    /// <summary>Version of the format.</summary>
    public int FormatVersion { get; }

    /// <summary>All that the image says besides memory.</summary>
    public TreeRecord Tree { get; }

    private ImageFaults Faults => source.Faults;

    /// <summary>Opens and checks an image.</summary>
    /// <exception cref="ImageException">It is not there, no image, truncated, damaged, too large, or of an unknown version.</exception>
    public static ImageReader Open(string path)
    {
        var source = SourceFile.Open(path);
        try
        {
            return new ImageReader(source);
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Stored memory of a process, by address; what is missing was zero, or is in the mapped file. Processes that share an
    /// address space have it stored with the first of them.
    /// </summary>
    public IReadOnlyList<MemoryExtent> MemoryOf(int pid)
    {
        const int CLONE_VM = 0x100;
        while (Tree.Processes.FirstOrDefault(p => p.Pid == pid) is { } process && (process.SharedWithParent & CLONE_VM) != 0)
            pid = process.ParentPid;
        return extents.Of(ExtentKind.Memory, pid);
    }

    /// <summary>Stored content of an object, by offset; what is missing is zero.</summary>
    public IReadOnlyList<MemoryExtent> DataOf(int objectId) => extents.Of(ExtentKind.ObjectData, objectId);

    /// <summary>Reads and checks one extent.</summary>
    /// <param name="destination">At least <see cref="MemoryExtent.RawLength"/> bytes.</param>
    public void Read(in MemoryExtent extent, Span<byte> destination)
    {
        if (extent.Codec == ExtentCodec.Lz4)
        {
            Unpack(extent, destination[..checked((int)extent.RawLength)]);
            return;
        }
        var bytes = destination[..checked((int)extent.RawLength)];
        source.Read(bytes, extent.Offset);
        if (Crc32C.Compute(bytes) != extent.Crc32C) throw Faults.Damaged($"wrong checksum of the data at 0x{extent.Address:x}");
    }

    /// <summary>Reads a part of an extent that was checked before: as it is stored, or from the one that was unpacked last.</summary>
    /// <param name="from">Offset in the decoded extent.</param>
    public void ReadPart(in MemoryExtent extent, long from, Span<byte> destination)
    {
        if (extent.Codec == ExtentCodec.None)
        {
            source.Read(destination, extent.Offset + from);
            return;
        }
        lock (source)
        {
            if (unpackedAt != extent.Offset)
            {
                if (unpacked.Length < extent.RawLength) unpacked = new byte[extent.RawLength];
                unpackedAt = 0;
                Unpack(extent, unpacked.AsSpan(0, (int)extent.RawLength));
                unpackedAt = extent.Offset;
            }
            unpacked.AsSpan((int)from, destination.Length).CopyTo(destination);
        }
    }

    private void Unpack(in MemoryExtent extent, Span<byte> destination)
    {
        var stored = ArrayPool<byte>.Shared.Rent((int)extent.StoredLength);
        try
        {
            var block = stored.AsSpan(0, (int)extent.StoredLength);
            source.Read(block, extent.Offset);
            if (Crc32C.Compute(block) != extent.Crc32C) throw Faults.Damaged($"wrong checksum of the data at 0x{extent.Address:x}");
            if (!Lz4.TryDecompress(block, destination)) throw Faults.Damaged($"the data at 0x{extent.Address:x} does not unpack to {destination.Length} bytes");
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(stored);
        }
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => source.Dispose();

    private ImageTrailer ReadTrailer()
    {
        if (Length < ImageLimits.PageSize + ImageTrailer.Size) throw NoTrailer();
        var trailer = default(ImageTrailer);
        source.Read(MemoryMarshal.AsBytes(MemoryMarshal.CreateSpan(ref trailer, 1)), Length - ImageTrailer.Size);
        if (trailer.Magic != ImageTrailer.MagicValue) throw NoTrailer();
        if (trailer.Crc32C != trailer.ComputeCrc()) throw Faults.Damaged("wrong checksum of the trailer");
        if (trailer.Version is < ImageTrailer.PlainVersion or > ImageTrailer.CurrentVersion) throw Faults.UnknownVersion(trailer.Version);
        if (trailer.FileLength != Length) throw Faults.Truncated();
        var indexEnd = Length - ImageTrailer.Size;
        if (trailer.Reserved != 0 || trailer.IndexLength <= 0 || trailer.IndexLength % IndexEntry.Size != 0
            || trailer.IndexLength > indexEnd || trailer.IndexOffset != indexEnd - trailer.IndexLength)
            throw Faults.Damaged("the trailer leads nowhere");
        if (trailer.IndexLength / IndexEntry.Size > ImageLimits.Extents)
            throw Faults.TooLarge("extents", trailer.IndexLength / IndexEntry.Size, ImageLimits.Extents);
        return trailer;
    }

    private ImageException NoTrailer()
    {
        Span<byte> marker = stackalloc byte[CoreHeaderPage.Marker.Length];
        if (Length < CoreHeaderPage.MarkerOffset + marker.Length) return Faults.NotAnImage($"it has only {Length} bytes");
        source.Read(marker, CoreHeaderPage.MarkerOffset);
        return marker.SequenceEqual(CoreHeaderPage.Marker) ? Faults.Truncated() : Faults.NotAnImage("it neither begins nor ends like one");
    }

    private void CheckStructure()
    {
        foreach (ref readonly var entry in entries.AsSpan())
            if (!entry.IsData && source.Checksum(entry.Offset, entry.StoredLength) != entry.Crc32C)
                throw Faults.Damaged($"wrong checksum of the {entry}");
    }

    private TreeRecord ReadTree(in IndexEntry entry)
    {
        if (entry.RawLength > ImageLimits.TreeBytes) throw Faults.TooLarge("bytes of the tree", entry.RawLength, ImageLimits.TreeBytes);
        var json = new byte[entry.RawLength];
        source.Read(json, entry.Offset);
        return TreeJson.Parse(json, Faults);
    }
}
