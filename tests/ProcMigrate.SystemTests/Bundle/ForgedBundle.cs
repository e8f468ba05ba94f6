using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json.Nodes;

namespace ProcMigrate.SystemTests.Bundle;

/// <summary>A bundle taken apart, altered, and put together again with right checksums: what an attacker can make, and damage cannot.</summary>
internal sealed class ForgedBundle
{
    private const int TrailerSize = 48, PageSize = 4096;
    private readonly byte[] bytes;
    private readonly long indexOffset;

    public ForgedBundle(string path)
    {
        bytes = File.ReadAllBytes(path);
        ReadOnlySpan<byte> trailer = bytes.AsSpan(bytes.Length - TrailerSize);
        indexOffset = BinaryPrimitives.ReadInt64LittleEndian(trailer);
        Entries = [.. MemoryMarshal.Cast<byte, IndexEntry>(bytes.AsSpan((int)indexOffset, (int)BinaryPrimitives.ReadInt64LittleEndian(trailer[8..])))];
        var entry = Entries.Single(e => e.Kind == IndexEntry.Tree);
        Tree = JsonNode.Parse(bytes.AsSpan((int)entry.Offset, (int)entry.StoredLength))!.AsObject();
    }

    public List<IndexEntry> Entries { get; }

    public JsonObject Tree { get; }

    public JsonArray Objects => Tree["objects"]!.AsArray();

    /// <summary>The bundled file whose path ends so.</summary>
    public JsonObject FileOf(string end) => Objects.Select(o => o!.AsObject()).First(o =>
        o["kind"]!.GetValue<string>() == "bundled-file" && State(o)["path"]!.GetValue<string>().EndsWith(end, StringComparison.Ordinal));

    /// <summary>The open file whose path ends so.</summary>
    public JsonObject Use(string end) => Objects.Select(o => o!.AsObject()).First(o =>
        o["kind"]!.GetValue<string>() == "file" && State(o)["path"]!.GetValue<string>().EndsWith(end, StringComparison.Ordinal));

    public static JsonObject State(JsonObject item) => item["state"]!.AsObject();

    public static int Id(JsonObject item) => item["id"]!.GetValue<int>();

    /// <summary>Moves the data of a file in it.</summary>
    public void ChangeData(JsonObject file, Func<IndexEntry, IndexEntry> change)
    {
        int at = Entries.FindIndex(e => e.Kind == IndexEntry.ObjectData && e.Owner == Id(file));
        Entries[at] = change(Entries[at]);
    }

    /// <summary>A further bundled file, at the end or before another.</summary>
    public JsonObject Add(JsonObject like, string path, JsonObject? before = null)
    {
        JsonObject added = like.DeepClone().AsObject();
        added["id"] = Objects.Max(o => Id(o!.AsObject())) + 1;
        State(added)["path"] = path;
        Objects.Insert(before is null ? Objects.Count : Objects.IndexOf(before), added);
        return added;
    }

    public void Save(string path)
    {
        var entries = Entries.ToArray();
        int treeAt = Array.FindIndex(entries, e => e.Kind == IndexEntry.Tree);
        byte[] tree = Encoding.UTF8.GetBytes(Tree.ToJsonString());
        long oldEnd = treeAt + 1 < entries.Length ? entries[treeAt + 1].Offset : indexOffset;
        long newEnd = (entries[treeAt].Offset + tree.Length + PageSize - 1) / PageSize * PageSize;
        using var file = File.Create(path);
        file.Write(bytes.AsSpan(0, (int)entries[treeAt].Offset));
        file.Write(tree);
        file.Write(new byte[newEnd - file.Position]);
        file.Write(bytes.AsSpan((int)oldEnd, (int)(indexOffset - oldEnd)));
        file.Write(new byte[-file.Position & 7]);
        entries[treeAt].StoredLength = entries[treeAt].RawLength = tree.Length;
        entries[treeAt].Checksum = Checksum(tree);
        for (int i = treeAt + 1; i < entries.Length; i++)
            entries[i].Offset += newEnd - oldEnd;
        ReadOnlySpan<byte> index = MemoryMarshal.AsBytes(entries.AsSpan());
        byte[] trailer = bytes[^TrailerSize..];
        BinaryPrimitives.WriteInt64LittleEndian(trailer, file.Position);
        BinaryPrimitives.WriteInt64LittleEndian(trailer.AsSpan(8), index.Length);
        BinaryPrimitives.WriteInt64LittleEndian(trailer.AsSpan(16), file.Position + index.Length + TrailerSize);
        BinaryPrimitives.WriteUInt32LittleEndian(trailer.AsSpan(24), Checksum(index));
        BinaryPrimitives.WriteUInt32LittleEndian(trailer.AsSpan(36), Checksum(trailer.AsSpan(0, 36)));
        file.Write(index);
        file.Write(trailer);
    }

    /// <summary>CRC-32C.</summary>
    private static uint Checksum(ReadOnlySpan<byte> data)
    {
        uint crc = uint.MaxValue;
        foreach (byte value in data)
        {
            crc ^= value;
            for (int bit = 0; bit < 8; bit++)
                crc = (crc >> 1) ^ (0x82f63b78 & (uint)-(int)(crc & 1));
        }
        return ~crc;
    }
}
