using System.Runtime.InteropServices;

namespace ProcMigrate.SystemTests.Bundle;

/// <summary>An entry of an image's index, by docs/format.md and not by the product's code: so an attacker would have it.</summary>
[StructLayout(LayoutKind.Sequential)]
internal record struct IndexEntry
{
    public const ushort ObjectData = 5, Tree = 6;

    public ushort Kind;
    public ushort Codec;
    public int Owner;
    public ulong Address;
    public long Offset;
    public long StoredLength;
    public long RawLength;
    public uint Checksum;
    public uint Reserved;
}
