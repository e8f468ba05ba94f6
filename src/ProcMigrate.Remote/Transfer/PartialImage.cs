using System.Globalization;
using ProcMigrate.Image.Storage;
using ProcMigrate.Remote.Migration;

namespace ProcMigrate.Remote.Transfer;

/// <summary>
/// What came of an image before its connection broke: kept in the folder that the image goes to, as <c>.ID-LENGTH.partial</c>, for the next
/// try of the same image. The sender compares its checksum before it goes on from there. One that nobody comes back for is removed.
/// </summary>
internal static class PartialImage
{
    /// <summary>Less than this is sent again sooner than it is compared.</summary>
    private const long WorthKeeping = 8L << 20;
    private static readonly TimeSpan Stale = TimeSpan.FromDays(7);

    private static string PathFor(string image, ImageOffer offer) => string.Create(
        CultureInfo.InvariantCulture, $"{Path.GetDirectoryName(image)}/.{offer.ImageId:N}-{offer.Length}.partial");

    /// <summary>A file for the image: that of an earlier try, or a new one that has no name yet.</summary>
    /// <param name="path">Where the image goes.</param>
    /// <param name="there">Bytes that came earlier.</param>
    public static TargetFile Open(string path, ImageOffer offer, out long there)
    {
        RemoveStale(path);
        string partial = PathFor(path, offer);
        there = 0;
        // One that somebody else is at work on is left to him.
        if (MigrationFolder.TryLock(partial, create: false) is not { } file)
            return TargetFile.Create(path, overwrite: false);
        there = Math.Min(file.Length, offer.Length);
        if (file.Length > offer.Length)
            file.SetLength(offer.Length);
        return TargetFile.Adopt(path, partial, file.SafeFileHandle);
    }

    /// <summary>The connection broke.</summary>
    public static void Keep(TargetFile file, ImageOffer offer, long received)
    {
        if (received >= WorthKeeping)
            file.KeepAs(PathFor(file.Path, offer), received);
    }

    private static void RemoveStale(string path)
    {
        foreach (string partial in Directory.EnumerateFiles(Path.GetDirectoryName(path)!, ".????????????????????????????????-*.partial"))
        {
            if (File.GetLastWriteTimeUtc(partial) >= DateTime.UtcNow - Stale)
                continue;
            using FileStream? unused = MigrationFolder.TryLock(partial, create: false);
            if (unused is not null)
                File.Delete(partial);
        }
    }
}
