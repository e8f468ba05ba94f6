using System.Runtime.InteropServices;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Linux.Files;

/// <summary>struct file_handle (fcntl.h); the handle's bytes follow.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct FileHandle
{
    public uint handle_bytes;
    public int handle_type;
}

/// <summary>inotify(7), and the way from a watch back to its file.</summary>
public static unsafe class FileWatches
{
    public const uint IN_DONT_FOLLOW = 0x0200_0000;

    // _IOW('I', 0, __s32), there with CONFIG_CHECKPOINT_RESTORE.
    private const int INOTIFY_IOC_SETNEXTWD = 0x40044900;

    public static Descriptor Create() =>
        new((int)RawSyscall.Call(SyscallNumber.inotify_init1, "a new inotify", (nint)OpenFlags.O_CLOEXEC));

    /// <summary>Adds a watch under a number of our choosing.</summary>
    public static void Add(Descriptor inotify, int number, string path, uint mask)
    {
        RawSyscall.Call(SyscallNumber.ioctl, $"INOTIFY_IOC_SETNEXTWD to {number}", inotify.Number, INOTIFY_IOC_SETNEXTWD, number);
        fixed (byte* p = CString.Of(path))
        {
            long got = RawSyscall.Call(SyscallNumber.inotify_add_watch, path, inotify.Number, (nint)p, (nint)mask);
            if (got != number)
                throw new LinuxException("inotify_add_watch", $"{path}, which got number {got} in place of {number}", Errno.EEXIST);
        }
    }

    /// <summary>The file of a handle, as O_PATH; null where its file system does not find it (any more). Needs CAP_DAC_READ_SEARCH.</summary>
    public static Descriptor? TryOpen(Descriptor mount, int type, ReadOnlySpan<byte> handle)
    {
        byte[] request = new byte[sizeof(FileHandle) + handle.Length];
        MemoryMarshal.Write(request, new FileHandle { handle_bytes = (uint)handle.Length, handle_type = type });
        handle.CopyTo(request.AsSpan(sizeof(FileHandle)));
        long fd;
        fixed (byte* p = request)
            fd = RawSyscall.Try(SyscallNumber.open_by_handle_at, mount.Number, (nint)p, (nint)(OpenFlags.O_PATH | OpenFlags.O_CLOEXEC));
        return fd >= 0 ? new Descriptor((int)fd) : null;
    }
}
