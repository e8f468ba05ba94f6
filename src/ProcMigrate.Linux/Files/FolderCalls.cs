using ProcMigrate.Linux.Processes;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Linux.Files;

/// <summary>Names in folders: made, linked and removed; and what a file without a name of its own can be given.</summary>
public static unsafe class FolderCalls
{
    private const int AT_FDCWD = -100;
    private const int AT_EMPTY_PATH = 0x1000;
    private const long UTIME_OMIT = (1 << 30) - 2;

    public static void MakeFolder(string path, int mode) => OnPath(SyscallNumber.mkdir, path, mode);

    public static void RemoveFolder(string path) => OnPath(SyscallNumber.rmdir, path);

    public static void Unlink(string path) => OnPath(SyscallNumber.unlink, path);

    /// <returns>False where it is not there, or stays for another reason.</returns>
    public static bool TryUnlink(string path)
    {
        fixed (byte* p = CString.Of(path))
            return RawSyscall.Try(SyscallNumber.unlink, (nint)p) == 0;
    }

    /// <summary>mknod(2): a FIFO, a socket's name, a device.</summary>
    public static void MakeNode(string path, FileType type, int mode, uint deviceMajor, uint deviceMinor)
    {
        // The kernel's own packing of device numbers (new_encode_dev in include/linux/kdev_t.h).
        uint device = (deviceMinor & 0xff) | (deviceMajor << 8) | ((deviceMinor & ~0xffu) << 12);
        OnPath(SyscallNumber.mknod, path, (int)type | mode, (nint)device);
    }

    /// <summary>A further name for a file.</summary>
    public static void Link(string existing, string added)
    {
        fixed (byte* from = CString.Of(existing))
        fixed (byte* to = CString.Of(added))
            RawSyscall.Call(SyscallNumber.linkat, $"{existing} as {added}", AT_FDCWD, (nint)from, AT_FDCWD, (nint)to, 0);
    }

    /// <summary>Gives a file that was made without a name (O_TMPFILE) one.</summary>
    public static void Name(Descriptor file, string path)
    {
        const int AT_SYMLINK_FOLLOW = 0x400;
        fixed (byte* from = CString.Of($"/proc/self/fd/{file.Number}"))
        fixed (byte* to = CString.Of(path))
            RawSyscall.Call(SyscallNumber.linkat, path, AT_FDCWD, (nint)from, AT_FDCWD, (nint)to, AT_SYMLINK_FOLLOW);
    }

    public static void MakeSymbolicLink(string target, string path)
    {
        fixed (byte* to = CString.Of(target))
        fixed (byte* name = CString.Of(path))
            RawSyscall.Call(SyscallNumber.symlink, path, (nint)to, (nint)name);
    }

    /// <summary>What a symbolic link without a name leads to.</summary>
    /// <param name="reach">A path below /proc/PID/fd that leads to it.</param>
    public static string ReadSymbolicLink(string reach)
    {
        const int Longest = 4096;
        byte* buffer = stackalloc byte[Longest];
        using Descriptor link = FileCalls.Open(reach, OpenFlags.O_PATH);
        fixed (byte* empty = CString.Of(""))
        {
            long length = RawSyscall.Call(SyscallNumber.readlinkat, reach, link.Number, (nint)empty, (nint)buffer, Longest);
            return CString.Decode(new ReadOnlySpan<byte>(buffer, (int)length));
        }
    }

    /// <summary>Owner and group; works on an O_PATH descriptor, too.</summary>
    public static void SetOwner(Descriptor file, uint uid, uint gid)
    {
        fixed (byte* empty = CString.Of(""))
        {
            RawSyscall.Call(
                SyscallNumber.fchownat, $"descriptor {file.Number}", file.Number, (nint)empty, (nint)uid, (nint)gid, AT_EMPTY_PATH);
        }
    }

    /// <summary>Through /proc, because fchmod(2) refuses an O_PATH descriptor.</summary>
    public static void SetMode(Descriptor file, int mode) => OnPath(SyscallNumber.chmod, $"/proc/self/fd/{file.Number}", mode);

    public static void SetModified(Descriptor file, long seconds, uint nanoseconds)
    {
        TimeSpec* times = stackalloc TimeSpec[2];
        times[0] = new TimeSpec { tv_nsec = UTIME_OMIT };
        times[1] = new TimeSpec { tv_sec = seconds, tv_nsec = nanoseconds };
        string path = $"/proc/self/fd/{file.Number}";
        fixed (byte* p = CString.Of(path))
            RawSyscall.Call(SyscallNumber.utimensat, path, AT_FDCWD, (nint)p, (nint)times, 0);
    }

    public static void SetTimes(Descriptor file, long accessed, uint accessedNanoseconds, long modified, uint modifiedNanoseconds)
    {
        TimeSpec* times = stackalloc TimeSpec[2];
        times[0] = new TimeSpec { tv_sec = accessed, tv_nsec = accessedNanoseconds };
        times[1] = new TimeSpec { tv_sec = modified, tv_nsec = modifiedNanoseconds };
        RawSyscall.Call(SyscallNumber.utimensat, $"descriptor {file.Number}", file.Number, 0, (nint)times, 0);
    }

    private static void OnPath(SyscallNumber call, string path, nint a = 0, nint b = 0)
    {
        fixed (byte* p = CString.Of(path))
            RawSyscall.Call(call, path, (nint)p, a, b);
    }
}
