using System.Runtime.InteropServices;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Linux.Files;

/// <summary>struct statfs on 64-bit processors.</summary>
[StructLayout(LayoutKind.Sequential, Size = 120)]
public struct FileSystemStatus
{
    public const long HUGETLBFS_MAGIC = 0x958458f6;
    public const long PROC_SUPER_MAGIC = 0x9fa0;

    /// <summary>MQUEUE_MAGIC, which no header has (ipc/mqueue.c).</summary>
    public const long MessageQueueMagic = 0x19800202;

    public const long ST_NOEXEC = 8;

    public long f_type;
    public long f_bsize;
    public ulong f_blocks;
    public ulong f_bfree;
    public ulong f_bavail;
    public ulong f_files;
    public ulong f_ffree;
    public ulong f_fsid;
    public long f_namelen;
    public long f_frsize;
    public long f_flags;

    /// <summary>Mounted noexec: nothing of it can be executed.</summary>
    public readonly bool ForbidsExecution => (f_flags & ST_NOEXEC) != 0;
}

/// <summary>What file system an open file lies on.</summary>
public static unsafe class FileSystem
{
    public static FileSystemStatus Of(Descriptor file)
    {
        FileSystemStatus status;
        RawSyscall.Call(SyscallNumber.fstatfs, $"descriptor {file.Number}", file.Number, (nint)(&status));
        return status;
    }
}
