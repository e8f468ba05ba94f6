using ProcMigrate.Linux.X64;

namespace ProcMigrate.Linux.Files;

/// <summary>FIFOs as files (mkfifo(3)).</summary>
public static unsafe class FifoFile
{
    private const int AT_FDCWD = -100;

    public static void Create(string path, int mode)
    {
        fixed (byte* p = CString.Of(path))
            RawSyscall.Call(SyscallNumber.mknodat, path, AT_FDCWD, (nint)p, (int)FileType.Fifo | mode);
    }

    public static void SetOwner(string path, uint uid, uint gid)
    {
        fixed (byte* p = CString.Of(path))
            RawSyscall.Call(SyscallNumber.fchownat, path, AT_FDCWD, (nint)p, (nint)uid, (nint)gid);
    }

    public static void Delete(string path)
    {
        fixed (byte* p = CString.Of(path))
            RawSyscall.Call(SyscallNumber.unlink, path, (nint)p);
    }
}
