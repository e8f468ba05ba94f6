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
    private const OpenFlags AsFolder = OpenFlags.O_RDONLY | OpenFlags.O_DIRECTORY | OpenFlags.O_NOFOLLOW;
    private const string Mark = ".unpacking";
    private readonly bool _made;
    private bool _hasTable;
    private bool _isMarked;

    // By descriptor, not by name: the tree's own view of names may hide them.
    private readonly FolderBeneath _above;
    private readonly FolderBeneath? _ofImages;

    private FilesFolder(string path, bool made, FolderBeneath above, FolderBeneath? ofImages)
    {
        (Beneath, _made) = (new FolderBeneath(above.OpenNext(System.IO.Path.GetFileName(path), AsFolder), path), made);
        (_above, _ofImages) = (above, ofImages);
        IsHeld = FileLocks.TryLock(Beneath.Folder) && IsThere(above, System.IO.Path.GetFileName(path), FileStatus.Of(Beneath.Folder));
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
        string images = System.IO.Path.Combine(StateFolder(), "procmigrate");
        FolderBeneath? above = null, ofImages = null;
        try
        {
            above = StateFolders.MakeAndOpen(images, image.ToString());
            ofImages = StateFolders.MakeAndOpen(images, null);
            return CreateNumbered(above, ofImages);
        }
        catch (Exception e)
        {
            above?.Dispose();
            ofImages?.Dispose();
            if (e is not StateFolderException)
                throw;
            throw new EngineException(
                "FilesFolderNotOwn", FailureClass.Refused,
                $"The files of the image would be unpacked below {images}, and that is not safe: {e.Message}. Or name another folder with --files.", e);
        }
    }

    private static FilesFolder CreateNumbered(FolderBeneath above, FolderBeneath ofImages)
    {
        for (int number = 1; ; number++)
        {
            string name = number == 1 ? "files" : $"files.{number}";
            RemoveLeftOver(above, name);
            if (IsThere(above, name + ".json") || !TryMake(() => above.MakeFolder(name)))
                continue;
            var folder = new FilesFolder(System.IO.Path.Combine(above.Path, name), made: true, above, ofImages);
            if (folder.TryMark())
                return folder;
            folder.Beneath.Dispose();
        }
    }

    /// <summary>
    /// What a restore left that was killed before its tree ran: the mark beside the folder is still there, and nobody holds the lock. Without
    /// the mark a tree may live there, with or without a table: whatever that is, it stays.
    /// </summary>
    private static void RemoveLeftOver(FolderBeneath above, string name)
    {
        try
        {
            using Descriptor folder = above.Open(name, AsFolder);
            if (!FileLocks.TryLock(folder))
                return;
            bool marked = IsThere(above, name + Mark);
            if (marked)
                Removal.Empty(folder, System.IO.Path.Combine(above.Path, name));
            // One that was killed before it made the mark has put nothing in; of others, this removes nothing.
            if (above.TryRemove(name, isFolder: true) < 0 || !marked)
                return;
            above.TryRemove(name + ".json", isFolder: false);
            above.TryRemove(name + Mark, isFolder: false);
        }
        catch (LinuxException)
        {
            // None, mostly; or folders that their owner may not write to, say: they stay, and there are other numbers.
        }
    }

    /// <param name="same">The file that it must be, if it matters.</param>
    private static bool IsThere(FolderBeneath above, string name, FileStatus? same = null)
    {
        try
        {
            using Descriptor there = above.OpenNext(name, OpenFlags.O_PATH | OpenFlags.O_NOFOLLOW);
            return same is not { } file || file.IsSameFile(FileStatus.Of(there));
        }
        catch (LinuxException e) when (e.Errno == Errno.ENOENT)
        {
            return false;
        }
    }

    private static FilesFolder CreateAsked(string path)
    {
        if (PathCalls.Exists(path + ".json"))
            throw NotNew($"the table of names would be {path}.json, which exists");
        if (TryMake(() => FolderCalls.MakeFolder(path, OwnerOnly)))
            return Open(path, made: true);
        if (FileStatus.OfPath(path, follow: false).Type != FileType.Directory)
            throw NotNew($"{path} exists and is no folder");
        if (PathCalls.Entries(path).Count > 0)
            throw NotNew($"{path} exists and is not empty");
        return Open(path, made: false);
    }

    private static FilesFolder Open(string path, bool made)
    {
        FolderBeneath above = FolderBeneath.Open(System.IO.Path.GetDirectoryName(path) ?? "/");
        try
        {
            return new FilesFolder(path, made, above, ofImages: null);
        }
        catch
        {
            above.Dispose();
            throw;
        }
    }

    private static EngineException NotNew(string what) => new(
        "FilesFolderInUse", FailureClass.Refused, $"The files of the image are only unpacked into a new or empty folder: {what}. Name another.");

    private static bool TryMake(Action make)
    {
        try
        {
            make();
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
