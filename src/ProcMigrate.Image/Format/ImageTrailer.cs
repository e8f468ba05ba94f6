using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using ProcMigrate.Image.Storage;

namespace ProcMigrate.Image.Format;

/// <summary>
/// The last 48 bytes. In every version of the format the last 16 mean the same, and <see cref="Crc32C"/> covers the 36 before it,
/// so that an older program can tell a newer image from a damaged one.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal struct ImageTrailer
{
    public const int Size = 48;

    /// <summary>No text of the tree has bytes that are not UTF-8; every reader knows it.</summary>
    public const uint PlainVersion = 1;

    /// <summary>Some has: a reader that does not know would cut a name off there, and take another file for the program's.</summary>
    public const uint CurrentVersion = 2;

    /// <summary>"PMIMAGE" and a newline, read as little-endian.</summary>
    public const ulong MagicValue = 0x0A_45_47_41_4D_49_4D_50;

    public long IndexOffset;
    public long IndexLength;
    public long FileLength;
    public uint IndexCrc32C;
    public uint Reserved;
    public uint Version;
    public uint Crc32C;
    public ulong Magic;

    public readonly uint ComputeCrc()
    {
        var copy = this;
        var bytes = MemoryMarshal.AsBytes(MemoryMarshal.CreateReadOnlySpan(ref copy, 1));
        return Storage.Crc32C.Compute(bytes[..(Unsafe.SizeOf<ImageTrailer>() - sizeof(ulong) - sizeof(uint))]);
    }
}
