using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Bundle;

/// <summary>
/// The new folder that a bundle is unpacked into: nothing that is there already is ever written into, so that two restores of one image
/// do not share files. Beside it goes the table of names, under the same name with <c>.json</c> behind it.
/// </summary>
internal sealed class FilesFolder : IDisposable
{
    private const int OwnerOnly = 0x1c0; // 0700
    private readonly bool _made;

    // By descriptor, not by name: the tree's own view of names may hide them.
    private readonly FolderBeneath _above;
    private readonly FolderBeneath? _ofImages;

    private FilesFolder(string path, bool made, string? ofImages)
    {
        (Beneath, _made) = (FolderBeneath.Open(path), made);
        FileLocks.TryLock(Beneath.Folder);
        _above = FolderBeneath.Open(System.IO.Path.GetDirectoryName(path) ?? "/");
        _ofImages = ofImages is null ? null : FolderBeneath.Open(ofImages);
    }

    public FolderBeneath Beneath { get; }

    public string Path => Beneath.Path;

    /// <summary>Whether it was made, and was not there before.</summary>
    public bool IsNew => _made;

    public string TablePath => Path + ".json";

    /// <param name="asked">The user's choice: new, or empty; null: a new one of the image's own, below the user's state folder.</param>
    public static FilesFolder Create(string? asked, Guid image) => asked is null ? CreateOwn(image) : CreateAsked(System.IO.Path.GetFullPath(asked).TrimEnd('/'));

    /// <summary>Takes it back, with what of it is known.</summary>
    public void Remove()
    {
        if (_made)
            _above.TryRemove(System.IO.Path.GetFileName(Path), isFolder: true);
        // Only if it is empty: the files of other restores of the image stay.
        _ofImages?.TryRemove(System.IO.Path.GetFileName(_above.Path), isFolder: true);
    }

    /// <summary>A new file for the table of names.</summary>
    public Descriptor CreateTable() => _above.Open(
        System.IO.Path.GetFileName(TablePath), OpenFlags.O_CREAT | OpenFlags.O_EXCL | OpenFlags.O_WRONLY, 0x180 /* 0600 */);

    public void Dispose()
    {
        Beneath.Dispose();
        _above.Dispose();
        _ofImages?.Dispose();
    }

    private static FilesFolder CreateOwn(Guid image)
    {
        string images = System.IO.Path.Combine(StateFolder(), "procmigrate"), above = System.IO.Path.Combine(images, image.ToString());
        Directory.CreateDirectory(above, (UnixFileMode)OwnerOnly);
        for (int number = 1; ; number++)
        {
            string path = System.IO.Path.Combine(above, number == 1 ? "files" : $"files.{number}");
            if (System.IO.Path.Exists(path + ".json"))
                continue;
            RemoveLeftOver(path);
            if (TryMake(path))
                return new FilesFolder(path, made: true, images);
        }
    }

    /// <summary>
    /// The table of names comes last, so a folder without one is of a restore that was killed, and its tree with it; or of one under
    /// way, which holds a lock.
    /// </summary>
    private static void RemoveLeftOver(string path)
    {
        if (FileStatus.TryOfPath(path, follow: false) is not { Type: FileType.Directory })
            return;
        using (Descriptor folder = FileCalls.Open(path, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY | OpenFlags.O_NOFOLLOW))
        {
            if (!FileLocks.TryLock(folder) || System.IO.Path.Exists(path + ".json"))
                return;
            Directory.Delete(path, recursive: true);
        }
    }

    private static FilesFolder CreateAsked(string path)
    {
        if (System.IO.Path.Exists(path + ".json"))
            throw NotNew($"the table of names would be {path}.json, which exists");
        if (TryMake(path))
            return new FilesFolder(path, made: true, ofImages: null);
        if (FileStatus.OfPath(path, follow: false).Type != FileType.Directory)
            throw NotNew($"{path} exists and is no folder");
        if (Directory.GetFileSystemEntries(path).Length > 0)
            throw NotNew($"{path} exists and is not empty");
        return new FilesFolder(path, made: false, ofImages: null);
    }

    private static EngineException NotNew(string what) => new(
        "FilesFolderInUse", FailureClass.Refused, $"The files of the image are only unpacked into a new or empty folder: {what}. Name another.");

    private static bool TryMake(string path)
    {
        try
        {
            FolderCalls.MakeFolder(path, OwnerOnly);
            return true;
        }
        catch (LinuxException e) when (e.Errno == Errno.EEXIST)
        {
            return false;
        }
    }

    /// <summary>$XDG_STATE_HOME, or what stands for it.</summary>
    public static string StateFolder()
    {
        string? state = Environment.GetEnvironmentVariable("XDG_STATE_HOME");
        return state is ['/', ..] ? state : System.IO.Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".local/state");
    }
}
