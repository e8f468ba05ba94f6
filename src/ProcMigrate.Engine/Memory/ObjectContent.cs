using ProcMigrate.Image;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Memory;

/// <summary>Copies the content of shared memory into the image, without its holes and zero pages.</summary>
internal static class ObjectContent
{
    private const int PieceBytes = 1 << 20;

    /// <returns>Bytes stored.</returns>
    public static long Copy(ImageWriter image, int objectId, string reach, CancellationToken cancel)
    {
        using Descriptor file = FileCalls.Open(reach, OpenFlags.O_RDONLY);
        return Copy(image, objectId, file, cancel);
    }

    public static long Copy(ImageWriter image, int objectId, Descriptor file, CancellationToken cancel)
    {
        byte[] buffer = new byte[PieceBytes];
        long stored = 0;
        for (long at = 0; FileCalls.NextData(file, at) is var (start, end); at = end)
        {
            for (long piece = start; piece < end; piece += PieceBytes)
            {
                cancel.ThrowIfCancellationRequested();
                int length = FileCalls.ReadAt(file, buffer.AsSpan(0, (int)Math.Min(PieceBytes, end - piece)), piece);
                stored += CopyPiece(image, objectId, piece, buffer.AsSpan(0, length));
            }
        }
        return stored;
    }

    /// <summary>Stores what is not zero of a piece.</summary>
    public static long CopyPiece(ImageWriter image, int objectId, long offset, ReadOnlySpan<byte> piece)
    {
        long stored = 0;
        for (int from = 0; ZeroPages.NextRun(piece, from, out int at, out int length); from = at + length)
        {
            image.WriteObjectData(objectId, offset + at, piece.Slice(at, length));
            stored += length;
        }
        return stored;
    }
}
