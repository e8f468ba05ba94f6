using System.Runtime.InteropServices;

namespace ProcMigrate.Image.Storage;

/// <summary>
/// Blocks of LZ4 by liblz4, which the native binary has linked in. A block carries neither its length nor a checksum: both stand beside it.
/// </summary>
internal static partial class Lz4
{
    /// <summary>What a block may grow by where its content cannot be compressed (LZ4_COMPRESSBOUND).</summary>
    public static int Bound(int length) => length + length / 255 + 16;

    /// <returns>Bytes of the block, or 0 where it does not fit into <paramref name="target"/>.</returns>
    public static unsafe int Compress(ReadOnlySpan<byte> source, Span<byte> target)
    {
        fixed (byte* from = source, to = target)
            return CompressRaw(from, to, source.Length, target.Length);
    }

    /// <summary>False where the block is damaged or does not hold exactly as much as <paramref name="target"/> takes.</summary>
    public static unsafe bool TryDecompress(ReadOnlySpan<byte> source, Span<byte> target)
    {
        fixed (byte* from = source, to = target)
            return DecompressRaw(from, to, source.Length, target.Length) == target.Length;
    }

    [LibraryImport("lz4", EntryPoint = "LZ4_compress_default")]
    private static unsafe partial int CompressRaw(byte* source, byte* target, int length, int capacity);

    [LibraryImport("lz4", EntryPoint = "LZ4_decompress_safe")]
    private static unsafe partial int DecompressRaw(byte* source, byte* target, int length, int capacity);
}
