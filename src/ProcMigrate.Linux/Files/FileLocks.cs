using System.Runtime.InteropServices;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Linux.Files;

/// <summary>struct flock (fcntl(2)) on 64-bit processors.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct FileRange
{
    public const short F_RDLCK = 0;
    public const short F_WRLCK = 1;
    public const short F_UNLCK = 2;

    public short l_type;
    public short l_whence;
    public long l_start;
    public long l_len;
    public int l_pid;
}

/// <summary>struct f_owner_ex: whom an open file's signals go to.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct FileOwner
{
    public int type;
    public int pid;
}

/// <summary>Commands of fcntl(2) about locks, leases and the signals of open files.</summary>
public static unsafe class FileLocks
{
    public const int F_SETLK = 6;
    public const int F_OFD_SETLK = 37;
    public const int F_SETLEASE = 1024;
    public const int LOCK_SH = 1;
    public const int LOCK_EX = 2;
    public const int LOCK_NB = 4;

    private const int F_SETSIG = 10;
    private const int F_GETSIG = 11;
    private const int F_SETOWN_EX = 15;
    private const int F_GETOWN_EX = 16;

    /// <summary>flock(2): false where another has it.</summary>
    public static bool TryLock(Descriptor file) => RawSyscall.Try(SyscallNumber.flock, file.Number, LOCK_EX | LOCK_NB) == 0;

    public static FileOwner GetOwner(Descriptor file)
    {
        FileOwner owner;
        RawSyscall.Call(SyscallNumber.fcntl, $"descriptor {file.Number}", file.Number, F_GETOWN_EX, (nint)(&owner));
        return owner;
    }

    public static void SetOwner(Descriptor file, FileOwner owner) =>
        RawSyscall.Call(SyscallNumber.fcntl, $"descriptor {file.Number}", file.Number, F_SETOWN_EX, (nint)(&owner));

    public static int GetSignal(Descriptor file) =>
        (int)RawSyscall.Call(SyscallNumber.fcntl, $"descriptor {file.Number}", file.Number, F_GETSIG);

    public static void SetSignal(Descriptor file, int signal) =>
        RawSyscall.Call(SyscallNumber.fcntl, $"descriptor {file.Number}", file.Number, F_SETSIG, signal);
}
