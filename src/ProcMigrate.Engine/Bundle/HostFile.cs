using ProcMigrate.Image;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Bundle;

/// <summary>Whether this host has a file of the bundle already, byte for byte.</summary>
internal static class HostFile
{
    public static bool IsSame(BundledFileState file, ImageReader image, IReadOnlyList<MemoryExtent> content)
    {
        if (FileStatus.TryOfPath(file.Path) is not { Type: FileType.Regular } here || here.Size != file.Size)
            return false;
        try
        {
            using Descriptor own = FileCalls.Open(file.Path, OpenFlags.O_RDONLY | OpenFlags.O_NONBLOCK);
            return HasContent(own, file.Size, image, content);
        }
        catch (LinuxException)
        {
            // Not ours to read: then it is of no use to the program, either.
            return false;
        }
    }

    private static bool HasContent(Descriptor own, long size, ImageReader image, IReadOnlyList<MemoryExtent> content)
    {
        byte[] theirs = new byte[ImageLimits.ExtentBytes], ours = new byte[ImageLimits.ExtentBytes];
        long at = 0;
        foreach (MemoryExtent extent in content)
        {
            if (!IsZero(own, ours, at, (long)extent.Address))
                return false;
            Span<byte> bytes = theirs.AsSpan(0, (int)extent.RawLength);
            image.Read(extent, bytes);
            if (FileCalls.ReadAt(own, ours.AsSpan(0, bytes.Length), (long)extent.Address) != bytes.Length || !bytes.SequenceEqual(ours.AsSpan(0, bytes.Length)))
                return false;
            at = (long)extent.Address + extent.RawLength;
        }
        return IsZero(own, ours, at, size);
    }

    /// <summary>What the image does not have is zero.</summary>
    private static bool IsZero(Descriptor own, byte[] buffer, long from, long to)
    {
        while (from < to && FileCalls.NextData(own, from) is { } data && data.Start < to)
        {
            for (from = data.Start; from < Math.Min(data.End, to);)
            {
                Span<byte> piece = buffer.AsSpan(0, (int)Math.Min(buffer.Length, Math.Min(data.End, to) - from));
                if (FileCalls.ReadAt(own, piece, from) != piece.Length || piece.IndexOfAnyExcept((byte)0) >= 0)
                    return false;
                from += piece.Length;
            }
        }
        return true;
    }
}
