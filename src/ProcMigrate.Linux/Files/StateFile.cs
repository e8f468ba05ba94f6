using Microsoft.Win32.SafeHandles;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Linux.Files;

/// <summary>
/// A small file in which one run leaves word for a later one. It is written whole, under another name first, for its owner alone: a reader
/// finds all of it or nothing, whatever became of the writer. And it is read as a stranger's: what stands under its name may be a link, a
/// FIFO, a giant or another user's.
/// </summary>
public static unsafe class StateFile
{
    private const int AT_FDCWD = -100;
    private const int OwnerOnly = 0x180; // 0600
    private const int WrittenByAll = 0x2;
    private const OpenFlags NoTraps = OpenFlags.O_NOFOLLOW | OpenFlags.O_NONBLOCK;

    /// <returns>Null where there is none, or none of ours, or a longer one.</returns>
    public static byte[]? TryRead(string path, int longest)
    {
        using Descriptor? file = TryOpen(path, OpenFlags.O_RDONLY);
        if (file is null || FileStatus.Of(file).Size > longest)
            return null;
        byte[] content = new byte[longest];
        return content[..FileCalls.ReadAt(file, content, 0, path)];
    }

    /// <summary>Writes it, in place of the one that is there.</summary>
    public static void Write(string path, ReadOnlySpan<byte> content)
    {
        using Descriptor file = WriteAside(path, content, out string aside);
        try
        {
            fixed (byte* from = CString.Of(aside))
            fixed (byte* to = CString.Of(path))
                RawSyscall.Call(SyscallNumber.rename, path, (nint)from, (nint)to);
        }
        catch
        {
            FolderCalls.Unlink(aside);
            throw;
        }
    }

    /// <summary>A new one, on the disk, and locked (flock(2)) from before it had its name.</summary>
    /// <returns>Null where one is there already.</returns>
    public static SafeFileHandle? CreateLocked(string path, ReadOnlySpan<byte> content)
    {
        using Descriptor file = WriteAside(path, content, out string aside);
        try
        {
            FileLocks.TryLock(file);
            RawSyscall.Call(SyscallNumber.fsync, path, file.Number);
            FolderCalls.Link(aside, path);
            return HandOver(file);
        }
        catch (LinuxException e) when (e.Errno == Errno.EEXIST)
        {
            return null;
        }
        finally
        {
            FolderCalls.Unlink(aside);
        }
    }

    /// <summary>One that is there, for reading and writing, locked for us.</summary>
    /// <param name="create">Make an empty one where there is none.</param>
    /// <returns>Null where there is none, or none of ours, or somebody else has it locked.</returns>
    public static SafeFileHandle? TryLock(string path, bool create)
    {
        using Descriptor? file = TryOpen(path, create ? OpenFlags.O_RDWR | OpenFlags.O_CREAT : OpenFlags.O_RDWR);
        return file is not null && FileLocks.TryLock(file) ? HandOver(file) : null;
    }

    private static Descriptor? TryOpen(string path, OpenFlags flags)
    {
        Descriptor file;
        try
        {
            file = FileCalls.Open(path, flags | NoTraps, OwnerOnly);
        }
        catch (LinuxException)
        {
            return null;
        }
        FileStatus status = FileStatus.Of(file);
        if (status.Type == FileType.Regular && status.Uid == RawSyscall.Call(SyscallNumber.geteuid, path) && (status.Mode & WrittenByAll) == 0)
            return file;
        file.Dispose();
        return null;
    }

    private static Descriptor WriteAside(string path, ReadOnlySpan<byte> content, out string aside)
    {
        aside = $"{path}.{Guid.NewGuid():N}.new";
        Descriptor file = FileCalls.Open(aside, OpenFlags.O_CREAT | OpenFlags.O_EXCL | OpenFlags.O_RDWR | OpenFlags.O_NOFOLLOW, OwnerOnly);
        try
        {
            FileCalls.WriteAt(file, content, 0, path);
            return file;
        }
        catch
        {
            file.Dispose();
            FolderCalls.Unlink(aside);
            throw;
        }
    }

    /// <summary>The lock is the open file's, so it goes along.</summary>
    private static SafeFileHandle HandOver(Descriptor file)
    {
        var handle = new SafeFileHandle(file.Number, ownsHandle: true);
        file.SetHandleAsInvalid();
        return handle;
    }
}
