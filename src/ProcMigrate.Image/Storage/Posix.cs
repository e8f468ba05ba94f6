using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace ProcMigrate.Image.Storage;

/// <summary>The few calls that .NET has no equivalent for: files made with O_EXCL and a mode, fsync that hides no error, rename without overwriting.</summary>
internal static partial class Posix
{
    public const int O_RDONLY = 0;
    public const int O_RDWR = 2;
    public const int O_CREAT = 0x40;
    public const int O_EXCL = 0x80;
    public const int O_NONBLOCK = 0x800;
    public const int O_DIRECTORY = 0x10000;
    public const int O_NOFOLLOW = 0x20000;
    public const int O_CLOEXEC = 0x80000;
    public const int O_PATH = 0x200000;
    public const int O_TMPFILE = 0x400000 | O_DIRECTORY;
    public const int AT_FDCWD = -100;
    public const int AT_SYMLINK_FOLLOW = 0x400;
    public const uint RENAME_NOREPLACE = 1;

    public const int EPERM = 1;
    public const int ENOENT = 2;
    public const int EINTR = 4;
    public const int EACCES = 13;
    public const int EEXIST = 17;
    public const int EISDIR = 21;
    public const int EINVAL = 22;
    public const int EFBIG = 27;
    public const int ENOSPC = 28;
    public const int ENOSYS = 38;
    public const int EOPNOTSUPP = 95;
    public const int EDQUOT = 122;

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true)]
    private static partial int OpenRaw(byte[] path, int flags, uint mode);

    [LibraryImport("libc", EntryPoint = "pwrite", SetLastError = true)]
    private static unsafe partial nint PwriteRaw(SafeFileHandle file, byte* data, nuint length, long offset);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int FsyncRaw(SafeFileHandle file);

    [LibraryImport("libc", EntryPoint = "linkat", SetLastError = true)]
    private static partial int LinkAtRaw(int oldFolder, byte[] oldPath, int newFolder, byte[] newPath, int flags);

    [LibraryImport("libc", EntryPoint = "rename", SetLastError = true)]
    private static partial int RenameRaw(byte[] oldPath, byte[] newPath);

    [LibraryImport("libc", EntryPoint = "renameat2", SetLastError = true)]
    private static partial int RenameAt2Raw(int oldFolder, byte[] oldPath, int newFolder, byte[] newPath, uint flags);

    /// <summary>struct statx (statx(2)) has 256 bytes; the mode of two stands behind seven words of four.</summary>
    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true)]
    private static unsafe partial int StatxRaw(int folder, byte[] path, int flags, uint mask, byte* status);

    [LibraryImport("libc", EntryPoint = "unlink", SetLastError = true)]
    private static partial int UnlinkRaw(byte[] path);

    public static bool IsFolder(string path) => CanOpen(path, O_PATH | O_DIRECTORY);

    /// <summary>Whether anything has this name, be it a link to nowhere.</summary>
    public static bool Exists(string path) => CanOpen(path, O_PATH | O_NOFOLLOW);

    /// <summary>Whether what has this name is a plain file or a symbolic link: not a device, FIFO or socket. False, too, where nothing has it.</summary>
    public static unsafe bool IsPlainFile(string path)
    {
        const int StatxSize = 256, ModeOffset = 28, AT_SYMLINK_NOFOLLOW = 0x100;
        const uint STATX_TYPE = 1;
        const int S_IFMT = 0xf000, S_IFREG = 0x8000, S_IFLNK = 0xa000;
        byte* status = stackalloc byte[StatxSize];
        return StatxRaw(AT_FDCWD, Bytes(path), AT_SYMLINK_NOFOLLOW, STATX_TYPE, status) == 0
            && (*(ushort*)(status + ModeOffset) & S_IFMT) is S_IFREG or S_IFLNK;
    }

    private static bool CanOpen(string path, int flags)
    {
        using var handle = Open(path, flags, 0, out _);
        return handle is not null;
    }

    /// <summary>The open file, or null with the errno.</summary>
    public static SafeFileHandle? Open(string path, int flags, uint mode, out int errno)
    {
        int fd;
        do
        {
            fd = OpenRaw(Bytes(path), flags | O_CLOEXEC, mode);
            errno = fd < 0 ? Marshal.GetLastPInvokeError() : 0;
        }
        while (errno == EINTR);
        return fd < 0 ? null : new SafeFileHandle(fd, ownsHandle: true);
    }

    /// <summary>
    /// Writes all of it; 0 or the errno. RandomAccess.Write would turn errnos into four kinds of exception, some without the number.
    /// </summary>
    public static unsafe int Pwrite(SafeFileHandle file, ReadOnlySpan<byte> data, long offset)
    {
        while (!data.IsEmpty)
        {
            nint written;
            fixed (byte* p = data) written = PwriteRaw(file, p, (nuint)data.Length, offset);
            if (written < 0)
            {
                var errno = Marshal.GetLastPInvokeError();
                if (errno == EINTR) continue;
                return errno;
            }
            data = data[(int)written..];
            offset += written;
        }
        return 0;
    }

    // Each of the following returns 0 or the errno.
    public static int Fsync(SafeFileHandle file) => Errno(FsyncRaw(file));

    public static int Link(string path, string newPath) => Errno(LinkAtRaw(AT_FDCWD, Bytes(path), AT_FDCWD, Bytes(newPath), AT_SYMLINK_FOLLOW));

    public static int Rename(string path, string newPath) => Errno(RenameRaw(Bytes(path), Bytes(newPath)));

    public static int RenameNoReplace(string path, string newPath) =>
        Errno(RenameAt2Raw(AT_FDCWD, Bytes(path), AT_FDCWD, Bytes(newPath), RENAME_NOREPLACE));

    public static int Unlink(string path) => Errno(UnlinkRaw(Bytes(path)));

    public static string Describe(int errno) => $"{Marshal.GetPInvokeErrorMessage(errno)} (errno {errno})";

    private static byte[] Bytes(string path) => ForeignText.Encode(path, spare: 1);

    private static int Errno(int result) => result == 0 ? 0 : Marshal.GetLastPInvokeError();
}
