using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace ProcMigrate.Image.Storage;

/// <summary>
/// A file that gets its name only once it is whole and on the disk. Until then it has none at all where the file system can do
/// that (O_TMPFILE), so that even kill -9 leaves nothing behind; elsewhere it is <c>.NAME.RANDOM.partial</c> beside the target.
/// </summary>
internal sealed class TargetFile : ImageSink
{
    private const uint OwnerOnly = 0x180; // 0600
    private const int SIGXFSZ = 25;

    /// <summary>A write beyond the file size limit kills by SIGXFSZ, unless it is caught: then it fails with EFBIG.</summary>
    private readonly PosixSignalRegistration sizeLimit = PosixSignalRegistration.Create((PosixSignal)SIGXFSZ, c => c.Cancel = true);
    private readonly bool overwrite;
    private readonly string folder;
    private string? temporaryName;

    private TargetFile(string path, string folder, bool overwrite, SafeFileHandle handle, string? temporaryName)
    {
        (Path, this.folder, this.overwrite) = (path, folder, overwrite);
        (Handle, this.temporaryName) = (handle, temporaryName);
    }

    public override string Path { get; }
    public SafeFileHandle Handle { get; }

    public static TargetFile Create(string path, bool overwrite, bool allowUnnamed = true)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(path);
        var full = ForeignPath.Full(path);
        var folder = System.IO.Path.GetDirectoryName(full);
        if (folder is null || full.EndsWith('/') || Posix.IsFolder(full))
            throw new ImageException(ImageError.CannotWrite, full, $"{full} is a folder; name a file in it");
        if (!Posix.IsFolder(folder))
            throw new ImageException(ImageError.CannotWrite, full, $"cannot write {full}: the folder {folder} does not exist");
        if (!overwrite && Posix.Exists(full)) throw TargetExists(full);
        // Root would take /dev/null from the whole machine.
        if (overwrite && Posix.Exists(full) && !Posix.IsPlainFile(full))
            throw new ImageException(ImageError.CannotWrite, full, $"{full} is a device, pipe or socket, which is not overwritten; name a file");

        // Without /proc the nameless file could never be given its name.
        if (allowUnnamed && Directory.Exists("/proc/self/fd"))
        {
            var unnamed = Posix.Open(folder, Posix.O_TMPFILE | Posix.O_RDWR, OwnerOnly, out var errno);
            if (unnamed is not null) return new TargetFile(full, folder, overwrite, unnamed, null);
            // EISDIR is how file systems without O_TMPFILE answered at first, EOPNOTSUPP how they do now.
            if (errno is not (Posix.EISDIR or Posix.EOPNOTSUPP or Posix.EINVAL or Posix.ENOENT or Posix.ENOSYS))
                throw Failure(full, $"cannot make a file in {folder}", "open", errno, 0);
        }
        return CreateNamed(full, folder, overwrite);
    }

    /// <summary>Goes on with a file that has a temporary name already.</summary>
    public static TargetFile Adopt(string path, string temporaryName, SafeFileHandle handle) =>
        new(path, System.IO.Path.GetDirectoryName(path)!, overwrite: false, handle, temporaryName);

    /// <summary>Leaves the first <paramref name="length"/> bytes under that name, to be adopted later.</summary>
    public void KeepAs(string name, long length)
    {
        RandomAccess.SetLength(Handle, length);
        var errno = temporaryName is null ? Posix.Link($"/proc/self/fd/{Handle.DangerousGetHandle()}", name)
            : Posix.Rename(temporaryName, name);
        // Where that fails, all of it is sent again.
        if (errno == 0) temporaryName = null;
    }

    private static TargetFile CreateNamed(string path, string folder, bool overwrite)
    {
        while (true)
        {
            var temporary = TemporaryName(path, folder);
            const int flags = Posix.O_CREAT | Posix.O_EXCL | Posix.O_RDWR | Posix.O_NOFOLLOW;
            var handle = Posix.Open(temporary, flags, OwnerOnly, out var errno);
            if (handle is not null) return new TargetFile(path, folder, overwrite, handle, temporary);
            if (errno != Posix.EEXIST) throw Failure(path, $"cannot make a file in {folder}", "open", errno, 0);
        }
    }

    private static string TemporaryName(string path, string folder)
    {
        // Names end at 255 bytes; 60 UTF-16 units are at most 180 of them. In a folder where others make files, too, a name that can be
        // guessed may be taken beforehand, or what lies under it be exchanged.
        var name = System.IO.Path.GetFileName(path);
        return System.IO.Path.Combine(folder, $".{name[..Math.Min(name.Length, 60)]}.{Randomness.Hex(16)}.partial");
    }

    /// <summary>fsync of gigabytes takes as long as the disk does and nothing interrupts it; so another thread waits for it.</summary>
    public override void Flush(CancellationToken cancel)
    {
        var sync = Task.Run(() => Posix.Fsync(Handle), CancellationToken.None);
        sync.Wait(cancel);
        if (sync.Result != 0) throw Failure("writing to the disk failed", "fsync", sync.Result);
    }

    /// <summary>Makes the file durable under its name. Afterwards a reader sees all of it; on failure, nothing.</summary>
    public override void Publish()
    {
        var errno = Posix.Fsync(Handle);
        if (errno != 0) throw Failure("writing to the disk failed", "fsync", errno);
        if (temporaryName is null) NameUnnamed();
        else RenameTemporary(temporaryName);
        temporaryName = null;
        SyncFolder();
    }

    private void NameUnnamed()
    {
        var self = $"/proc/self/fd/{Handle.DangerousGetHandle()}";
        if (!overwrite)
        {
            ThrowIfFailed("linkat", Posix.Link(self, Path));
            return;
        }
        var temporary = TemporaryName(Path, folder);
        ThrowIfFailed("linkat", Posix.Link(self, temporary));
        temporaryName = temporary;
        ThrowIfFailed("rename", Posix.Rename(temporary, Path));
    }

    private void RenameTemporary(string temporary)
    {
        if (overwrite)
        {
            ThrowIfFailed("rename", Posix.Rename(temporary, Path));
            return;
        }
        var errno = Posix.RenameNoReplace(temporary, Path);
        if (errno is Posix.EINVAL or Posix.ENOSYS)
        {
            // Network and FUSE file systems often lack RENAME_NOREPLACE; a hard link does not overwrite either.
            errno = Posix.Link(temporary, Path);
            if (errno == 0) ThrowIfFailed("unlink", Posix.Unlink(temporary));
            else if (errno is Posix.EPERM or Posix.ENOSYS or Posix.EOPNOTSUPP or Posix.EINVAL)
                errno = Posix.Exists(Path) ? Posix.EEXIST : Posix.Rename(temporary, Path);
        }
        ThrowIfFailed("renameat2", errno);
    }

    /// <summary>The name is durable only once the folder is. EINVAL is how file systems answer that have no such operation.</summary>
    private void SyncFolder()
    {
        using var handle = Posix.Open(folder, Posix.O_RDONLY | Posix.O_DIRECTORY, 0, out var errno);
        if (handle is not null) errno = Posix.Fsync(handle);
        // A folder that may be written but not read cannot be opened, hence not synced.
        if (errno is 0 or Posix.EINVAL or Posix.EACCES) return;
        _ = Posix.Unlink(Path);
        throw Failure($"syncing the folder {folder} failed", "fsync", errno);
    }

    private void ThrowIfFailed(string call, int errno)
    {
        if (errno == Posix.EEXIST) throw TargetExists(Path);
        if (errno != 0) throw Failure("the finished file cannot be given its name", call, errno);
    }

    /// <summary>Writes at a place of the file; safe from several threads.</summary>
    public override void Write(ReadOnlySpan<byte> data, long offset)
    {
        var errno = Posix.Pwrite(Handle, data, offset);
        if (errno == 0) return;
        BytesNeeded = Math.Max(BytesNeeded, offset + data.Length);
        throw Failure("writing failed", "pwrite", errno);
    }

    private ImageException Failure(string what, string call, int errno) =>
        Failure(Path, what, call, errno, BytesNeeded);

    private static ImageException Failure(string path, string what, string call, int errno, long needed)
    {
        var reason = $"{call}: {Posix.Describe(errno)}";
        if (errno is not (Posix.ENOSPC or Posix.EDQUOT or Posix.EFBIG))
            return new ImageException(ImageError.CannotWrite, path, $"cannot write {path}: {what}: {reason}") { Errno = errno };
        var limit = errno switch
        {
            Posix.EDQUOT => "the disk quota is used up",
            Posix.EFBIG => "the limit on file size (ulimit -f, or the file system's) is reached",
            _ => "no space is left on the disk",
        };
        var message = $"cannot write {path}: {limit}; at least {needed:N0} bytes are needed{Available(path)}: {reason}";
        return new ImageException(ImageError.NoSpace, path, message) { Errno = errno, BytesNeeded = needed };
    }

    private static string Available(string path)
    {
        try
        {
            var folder = System.IO.Path.GetDirectoryName(path) ?? "/";
            return $", {new DriveInfo(folder).AvailableFreeSpace:N0} are free now";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return "";
        }
    }

    private static ImageException TargetExists(string path) =>
        new(ImageError.Exists, path, $"{path} exists already; choose another name, or remove it") { Errno = Posix.EEXIST };

    /// <summary>Removes what was not published.</summary>
    public override void Dispose()
    {
        if (temporaryName is not null) _ = Posix.Unlink(temporaryName);
        temporaryName = null;
        Handle.Dispose();
        sizeLimit.Dispose();
        base.Dispose();
    }
}
