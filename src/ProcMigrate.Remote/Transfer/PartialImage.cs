using System.Globalization;
using System.Text;
using Microsoft.Win32.SafeHandles;
using ProcMigrate.Image.Storage;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.X64;
using ProcMigrate.Remote.Deployment;

namespace ProcMigrate.Remote.Transfer;

/// <summary>
/// What came of an image before its connection broke: kept in the folder that the image goes to, for the next try of the same image. The
/// sender compares its checksum before it goes on from there. That folder may be one in which others make files, too, so the name cannot be
/// guessed, and only a note among our own files says which it is: anything else that lies there is nothing to us.
/// </summary>
internal static class PartialImage
{
    private const string Notes = "partials";

    /// <summary>Less than this is sent again sooner than it is compared.</summary>
    private const long WorthKeeping = 8L << 20;
    private const int LOCK_EX = 2;
    private const int LOCK_NB = 4;
    private static readonly TimeSpan Stale = TimeSpan.FromDays(7);

    /// <summary>A file for the image: that of an earlier try, or a new one that has no name yet.</summary>
    /// <param name="path">Where the image goes.</param>
    /// <param name="there">Bytes that came earlier.</param>
    public static TargetFile Open(string path, ImageOffer offer, out long there)
    {
        RemoveStale();
        there = 0;
        string note = NoteFor(path, offer);
        // One that somebody else is at work on is left to him.
        if (Read(note) is not (string partial, string identity) || TryOpen(partial, identity) is not { } file)
            return TargetFile.Create(path, overwrite: false);
        File.Delete(note);
        there = Math.Min(RandomAccess.GetLength(file), offer.Length);
        RandomAccess.SetLength(file, there);
        return TargetFile.Adopt(path, partial, file);
    }

    /// <summary>The connection broke.</summary>
    public static void Keep(TargetFile file, ImageOffer offer, long received)
    {
        if (received < WorthKeeping)
            return;
        try
        {
            // The note first: killed between the two, a note stays that leads nowhere, and no file that nobody knows of.
            string note = Path.Combine(ReceivePath.StateFolder(Notes), NameOf(file.Path, offer));
            string partial = $"{Path.GetDirectoryName(file.Path)}/.{Randomness.Hex(16)}.partial";
            StateFile.Write(note, Encoding.UTF8.GetBytes($"{IdentityOf(file.Handle)}\n{partial}"));
            file.KeepAs(partial, received);
        }
        catch (Exception e) when (e is RemoteException or IOException or UnauthorizedAccessException or LinuxException)
        {
            // Where nothing can be kept, all of it is sent again.
        }
    }

    private static string NameOf(string image, ImageOffer offer)
    {
        byte[] folder = Sha256Sum.Compute(Encoding.UTF8.GetBytes(Path.GetDirectoryName(image)!));
        return string.Create(CultureInfo.InvariantCulture, $"{offer.ImageId:N}-{offer.Length}-{Convert.ToHexStringLower(folder.AsSpan(0, 8))}");
    }

    private static string NoteFor(string image, ImageOffer offer) =>
        ReceivePath.ExistingStateFolder(Notes) is { } folder ? Path.Combine(folder, NameOf(image, offer)) : "";

    private static (string Partial, string Identity)? Read(string note) =>
        note.Length > 0 && File.Exists(note) && File.ReadAllText(note).Split('\n', 2) is [var identity, var partial] ? (partial, identity) : null;

    private static SafeFileHandle? TryOpen(string partial, string identity)
    {
        SafeFileHandle? file = Posix.Open(partial, Posix.O_RDWR | Posix.O_NOFOLLOW | Posix.O_NONBLOCK, 0, out _);
        if (file is null)
            return null;
        if (IdentityOf(file) == identity && RawSyscall.Try(SyscallNumber.flock, file.DangerousGetHandle(), LOCK_EX | LOCK_NB) == 0)
            return file;
        file.Dispose();
        return null;
    }

    /// <summary>Which file it is. It has to be as we left it, too: a regular file of ours, for us alone, and under one name.</summary>
    private static string IdentityOf(SafeFileHandle file)
    {
        FileStatus status = FileStatus.OfPath($"/proc/self/fd/{file.DangerousGetHandle()}");
        bool ours = status is { Type: FileType.Regular, Links: <= 1 } && status.Uid == StateFolders.OwnId && (status.Mode & StateFolders.Others) == 0;
        return ours
            ? string.Create(CultureInfo.InvariantCulture, $"{status.DeviceMajor}:{status.DeviceMinor}:{status.Inode}")
            : "not ours";
    }

    private static void RemoveStale()
    {
        if (ReceivePath.ExistingStateFolder(Notes) is not { } folder)
            return;
        foreach (string note in Directory.EnumerateFiles(folder))
        {
            if (File.GetLastWriteTimeUtc(note) >= DateTime.UtcNow - Stale)
                continue;
            if (Read(note) is (string partial, string identity))
            {
                using SafeFileHandle? unused = TryOpen(partial, identity);
                if (unused is not null)
                    _ = Posix.Unlink(partial);
            }
            File.Delete(note);
        }
    }
}
