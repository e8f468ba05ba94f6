using System.Runtime.InteropServices;
using ProcMigrate.Image;
using ProcMigrate.Image.Format;
using ProcMigrate.Image.Storage;

namespace ProcMigrate.Tests.Image;

/// <summary>An image taken apart and put together again with right checksums: what an attacker can make, and damage cannot.</summary>
internal sealed class ForgedImage
{
    private readonly byte[] bytes;

    public ForgedImage(string path)
    {
        bytes = File.ReadAllBytes(path);
        Trailer = MemoryMarshal.Read<ImageTrailer>(bytes.AsSpan(bytes.Length - ImageTrailer.Size));
        var index = bytes.AsSpan((int)Trailer.IndexOffset, (int)Trailer.IndexLength);
        Entries = [.. MemoryMarshal.Cast<byte, IndexEntry>(index)];
    }

    public List<IndexEntry> Entries { get; }
    public ImageTrailer Trailer { get; set; }

    public int Find(ExtentKind kind) => Entries.FindIndex(e => e.Kind == kind);

    public void Change(ExtentKind kind, Func<IndexEntry, IndexEntry> change)
    {
        var at = Find(kind);
        Entries[at] = change(Entries[at]);
    }

    public byte[] Tree()
    {
        var entry = Entries[Find(ExtentKind.Tree)];
        return bytes.AsSpan((int)entry.Offset, (int)entry.StoredLength).ToArray();
    }

    /// <summary>Writes it out; the tree, if given, replaces the one that was there.</summary>
    public void Save(string path, byte[]? tree = null, Func<ImageTrailer, ImageTrailer>? changeTrailer = null)
    {
        var treeAt = Find(ExtentKind.Tree);
        var treeOffset = treeAt < 0 ? Trailer.IndexOffset : Entries[treeAt].Offset;
        var entries = Entries.ToArray();
        if (tree is not null)
        {
            entries[treeAt].StoredLength = entries[treeAt].RawLength = tree.Length;
            entries[treeAt].Crc32C = Crc32C.Compute(tree);
        }
        using var file = File.Create(path);
        if (tree is null) file.Write(bytes.AsSpan(0, (int)Trailer.IndexOffset));
        else
        {
            file.Write(bytes.AsSpan(0, (int)treeOffset));
            file.Write(tree);
            // What lies behind it, the data of objects, moves by whole pages.
            var behind = treeAt + 1 < entries.Length ? entries[treeAt + 1].Offset : Trailer.IndexOffset;
            if (behind < Trailer.IndexOffset)
            {
                file.Write(new byte[-file.Position & (ImageLimits.PageSize - 1)]);
                for (var i = treeAt + 1; i < entries.Length; i++) entries[i].Offset += file.Position - behind;
                file.Write(bytes.AsSpan((int)behind, (int)(Trailer.IndexOffset - behind)));
            }
            file.Write(new byte[-file.Position & 7]);
        }
        var index = MemoryMarshal.AsBytes(entries.AsSpan());
        var trailer = Trailer with
        {
            IndexOffset = file.Position,
            IndexLength = index.Length,
            IndexCrc32C = Crc32C.Compute(index),
            FileLength = file.Position + index.Length + ImageTrailer.Size,
        };
        if (changeTrailer is not null) trailer = changeTrailer(trailer);
        trailer.Crc32C = trailer.ComputeCrc();
        file.Write(index);
        file.Write(MemoryMarshal.AsBytes(MemoryMarshal.CreateReadOnlySpan(ref trailer, 1)));
    }
}
