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
    private const string Mark = ".unpacking";
    private readonly bool _made;
    private bool _hasTable;
    private bool _isMarked;

    // By descriptor, not by name: the tree's own view of names may hide them.
    private readonly FolderBeneath _above;
    private readonly FolderBeneath? _ofImages;

    private FilesFolder(string path, bool made, string? ofImages)
    {
        (Beneath, _made) = (FolderBeneath.Open(path), made);
        IsHeld = FileLocks.TryLock(Beneath.Folder) && FileStatus.TryOfPath(path, follow: false)?.IsSameFile(FileStatus.Of(Beneath.Folder)) == true;
        _above = FolderBeneath.Open(System.IO.Path.GetDirectoryName(path) ?? "/");
        _ofImages = ofImages is null ? null : FolderBeneath.Open(ofImages);
    }

    public FolderBeneath Beneath { get; }

    /// <summary>False where another restore took it for left over in the moment before it was locked.</summary>
    private bool IsHeld { get; }

    public string Path => Beneath.Path;

    /// <summary>Whether it was made, and was not there before.</summary>
    public bool IsNew => _made;

    public string TablePath => Path + ".json";

    /// <param name="asked">The user's choice: new, or empty; null: a new one of the image's own, below the user's state folder.</param>
    public static FilesFolder Create(string? asked, Guid image) => asked is null ? CreateOwn(image) : CreateAsked(PathCalls.Full(asked).TrimEnd('/'));

    /// <summary>Takes it back, with what of it is known.</summary>
    public void Remove()
    {
        if (_hasTable)
            _above.TryRemove(System.IO.Path.GetFileName(TablePath), isFolder: false);
        if (_made)
            _above.TryRemove(System.IO.Path.GetFileName(Path), isFolder: true);
        if (_isMarked)
            _above.TryRemove(System.IO.Path.GetFileName(Path) + Mark, isFolder: false);
        // Only if it is empty: the files of other restores of the image stay.
        _ofImages?.TryRemove(System.IO.Path.GetFileName(_above.Path), isFolder: true);
    }

    /// <summary>A new file for the table of names.</summary>
    public Descriptor CreateTable()
    {
        Descriptor table = _above.Open(
            System.IO.Path.GetFileName(TablePath), OpenFlags.O_CREAT | OpenFlags.O_EXCL | OpenFlags.O_WRONLY, 0x180 /* 0600 */);
        _hasTable = true;
        return table;
    }

    /// <summary>The tree is about to run: from here on it stays, whatever happens to us.</summary>
    public void Keep()
    {
        if (!_isMarked)
            return;
        long result = _above.TryRemove(System.IO.Path.GetFileName(Path) + Mark, isFolder: false);
        if (result < 0)
            throw new LinuxException("unlinkat", Path + Mark, (int)-result);
        _isMarked = false;
    }

    private bool TryMark()
    {
        if (!IsHeld)
            return false;
        _above.Open(
            System.IO.Path.GetFileName(Path) + Mark, OpenFlags.O_CREAT | OpenFlags.O_EXCL | OpenFlags.O_WRONLY, 0x180 /* 0600 */).Dispose();
        return _isMarked = true;
    }

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
            RemoveLeftOver(path);
            if (System.IO.Path.Exists(path + ".json") || !TryMake(path))
                continue;
            var folder = new FilesFolder(path, made: true, images);
            if (folder.TryMark())
                return folder;
            folder.Dispose();
        }
    }

    /// <summary>
    /// What a restore left that was killed before its tree ran: the mark beside the folder is still there, and nobody holds the lock. Without
    /// the mark a tree may live there, with or without a table: whatever that is, it stays.
    /// </summary>
    private static void RemoveLeftOver(string path)
    {
        if (FileStatus.TryOfPath(path, follow: false) is not { Type: FileType.Directory })
            return;
        using Descriptor folder = FileCalls.Open(path, OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY | OpenFlags.O_NOFOLLOW);
        if (!FileLocks.TryLock(folder))
            return;
        try
        {
            bool marked = System.IO.Path.Exists(path + Mark);
            // One that was killed before it made the mark has put nothing in.
            if (marked || Directory.GetFileSystemEntries(path).Length == 0)
                Directory.Delete(path, recursive: marked);
            if (marked)
            {
                File.Delete(path + ".json");
                File.Delete(path + Mark);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Folders that their owner may not write to, say: they stay, and there are other numbers.
        }
    }

    private static FilesFolder CreateAsked(string path)
    {
        if (PathCalls.Exists(path + ".json"))
            throw NotNew($"the table of names would be {path}.json, which exists");
        if (TryMake(path))
            return new FilesFolder(path, made: true, ofImages: null);
        if (FileStatus.OfPath(path, follow: false).Type != FileType.Directory)
            throw NotNew($"{path} exists and is no folder");
        if (PathCalls.Entries(path).Count > 0)
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
