using System.Runtime.InteropServices;

namespace ProcMigrate.Image.Format;

/// <summary>One extent, as the index stores it: 48 bytes, little-endian.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct IndexEntry
{
    public const int Size = 48;

    public ExtentKind Kind;
    public ExtentCodec Codec;
    public int Owner;
    public ulong Address;
    public long Offset;
    public long StoredLength;
    public long RawLength;
    public uint Crc32C;
    public uint Reserved;

    /// <summary>End in the file; entries that a reader has not checked may overflow.</summary>
    public readonly long End => Offset + StoredLength;

    /// <summary>Whether the bytes belong to an address space or an object, and are read on demand.</summary>
    public readonly bool IsData => Kind is ExtentKind.Memory or ExtentKind.ObjectData;

    public readonly MemoryExtent ToExtent() => new(Address, Offset, StoredLength, RawLength, Codec, Crc32C);

    /// <summary>By owner, then by address: the order in which data is looked up.</summary>
    public static int CompareByAddress(in IndexEntry a, in IndexEntry b)
    {
        var byKind = ((int)a.Kind).CompareTo((int)b.Kind);
        if (byKind != 0) return byKind;
        var byOwner = a.Owner.CompareTo(b.Owner);
        return byOwner != 0 ? byOwner : a.Address.CompareTo(b.Address);
    }

    public override readonly string ToString() => Kind switch
    {
        ExtentKind.Memory => $"memory of process {Owner} at 0x{Address:x}",
        ExtentKind.ObjectData => $"data of object {Owner} at {Address}",
        ExtentKind.CoreHeader => $"ELF header of process {Owner}",
        ExtentKind.CoreNotes => $"notes of process {Owner}",
        ExtentKind.CoreSegments => $"program headers of process {Owner}",
        ExtentKind.Tree => "tree",
        _ => $"extent of kind {(int)Kind}",
    };
}
