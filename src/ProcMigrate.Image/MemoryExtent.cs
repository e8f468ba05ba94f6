namespace ProcMigrate.Image;

/// <summary>A run of stored bytes of an address space or an object.</summary>
/// <param name="Address">Address of the first byte; for data of an object the offset in it.</param>
/// <param name="Offset">Where the stored bytes begin in the image.</param>
/// <param name="StoredLength">Bytes in the image.</param>
/// <param name="RawLength">Bytes once decoded; the same without a codec.</param>
/// <param name="Codec">How they are stored.</param>
/// <param name="Crc32C">CRC-32C of the stored bytes.</param>
public readonly record struct MemoryExtent(
    ulong Address, long Offset, long StoredLength, long RawLength, ExtentCodec Codec, uint Crc32C);
