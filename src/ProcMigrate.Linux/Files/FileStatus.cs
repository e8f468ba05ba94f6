using System.Runtime.InteropServices;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Linux.Files;

/// <summary>struct statx_timestamp.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct StatxTimestamp
{
    public long tv_sec;
    public uint tv_nsec;
    public int reserved;
}

/// <summary>struct statx, the same on every processor, unlike struct stat.</summary>
[StructLayout(LayoutKind.Sequential, Size = 256)]
public struct Statx
{
    public uint stx_mask;
    public uint stx_blksize;
    public ulong stx_attributes;
    public uint stx_nlink;
    public uint stx_uid;
    public uint stx_gid;
    public ushort stx_mode;
    public ushort spare0;
    public ulong stx_ino;
    public ulong stx_size;
    public ulong stx_blocks;
    public ulong stx_attributes_mask;
    public StatxTimestamp stx_atime;
    public StatxTimestamp stx_btime;
    public StatxTimestamp stx_ctime;
    public StatxTimestamp stx_mtime;
    public uint stx_rdev_major;
    public uint stx_rdev_minor;
    public uint stx_dev_major;
    public uint stx_dev_minor;
    public ulong stx_mnt_id;
}

/// <summary>File types in a mode (sys/stat.h).</summary>
public enum FileType
{
    Fifo = 0x1000,
    CharacterDevice = 0x2000,
    Directory = 0x4000,
    BlockDevice = 0x6000,
    Regular = 0x8000,
    SymbolicLink = 0xa000,
    Socket = 0xc000,

    /// <summary>Anonymous inodes (eventfd, epoll …) carry no type at all.</summary>
    None = 0,
}

/// <summary>What a file is, by statx(2).</summary>
public readonly record struct FileStatus(
    ulong DeviceMajor, ulong DeviceMinor, ulong Inode, FileType Type, int Mode, uint Uid, uint Gid, long Size, uint Links,
    long ModifiedSeconds, uint ModifiedNanoseconds, uint RealDeviceMajor, uint RealDeviceMinor,
    long AccessedSeconds, uint AccessedNanoseconds, long AllocatedBytes, ulong Attributes, ulong MountId)
{
    private const int AT_FDCWD = -100;
    private const int AT_EMPTY_PATH = 0x1000;
    private const int AT_SYMLINK_NOFOLLOW = 0x100;
    private const int STATX_BASIC_STATS = 0x7ff;
    private const int STATX_MNT_ID = 0x1000;
    private const ulong STATX_ATTR_IMMUTABLE = 0x10;
    private const ulong STATX_ATTR_APPEND = 0x20;

    public static FileStatus Of(Descriptor descriptor) => Query(descriptor.Number, "", AT_EMPTY_PATH, $"descriptor {descriptor.Number}");

    public static FileStatus OfPath(string path, bool follow = true) =>
        Query(AT_FDCWD, path, follow ? 0 : AT_SYMLINK_NOFOLLOW, path);

    /// <returns>Null where nothing can be reached under the path.</returns>
    public static FileStatus? TryOfPath(string path, bool follow = true)
    {
        try
        {
            return OfPath(path, follow);
        }
        catch (LinuxException e) when (e.Errno is Errno.ENOENT or Errno.ENOTDIR or Errno.EACCES or Errno.ELOOP or 36 /* ENAMETOOLONG */ or Errno.ENOTCONN or Errno.ESTALE)
        {
            return null;
        }
    }

    /// <summary>chattr(1) +i or +a: of a folder, that no name in it can be removed.</summary>
    public bool KeepsNames => (Attributes & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND)) != 0;

    public bool IsSameFile(in FileStatus other) =>
        (DeviceMajor, DeviceMinor, Inode) == (other.DeviceMajor, other.DeviceMinor, other.Inode);

    public bool IsOnSameDevice(in FileStatus other) => (DeviceMajor, DeviceMinor) == (other.DeviceMajor, other.DeviceMinor);

    /// <summary>The device number as the kernel has it, and shows it in fdinfo (linux/kdev_t.h).</summary>
    public ulong KernelDevice => DeviceMajor << 20 | DeviceMinor;

    public DateTimeOffset Modified => Time(ModifiedSeconds, ModifiedNanoseconds);

    /// <summary>For people: a file's time may lie beyond the years that .NET knows, 1 to 9999, and is the nearest of them then.</summary>
    public static DateTimeOffset Time(long seconds, uint nanoseconds)
    {
        const long First = -62_135_596_800, Last = 253_402_300_799;
        return DateTimeOffset.FromUnixTimeSeconds(Math.Clamp(seconds, First, Last)).AddTicks(Math.Min(nanoseconds, 999_999_999) / 100);
    }

    private static unsafe FileStatus Query(int folder, string path, int flags, string target)
    {
        Statx x;
        byte[] name = CString.Of(path);
        fixed (byte* p = name)
            RawSyscall.Call(SyscallNumber.statx, target, folder, (nint)p, flags, STATX_BASIC_STATS | STATX_MNT_ID, (nint)(&x));
        return new FileStatus(
            x.stx_dev_major, x.stx_dev_minor, x.stx_ino, (FileType)(x.stx_mode & 0xf000), x.stx_mode & 0xfff, x.stx_uid, x.stx_gid,
            (long)x.stx_size, x.stx_nlink, x.stx_mtime.tv_sec, x.stx_mtime.tv_nsec, x.stx_rdev_major, x.stx_rdev_minor,
            x.stx_atime.tv_sec, x.stx_atime.tv_nsec, (long)x.stx_blocks * 512,
            x.stx_attributes, (x.stx_mask & STATX_MNT_ID) != 0 ? x.stx_mnt_id : 0);
    }
}
