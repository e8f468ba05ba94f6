using ProcMigrate.Linux.X64;

namespace ProcMigrate.Linux.Files;

/// <summary>fchownat(2).</summary>
public static class FileOwnership
{
    private const int AT_FDCWD = -100;
    private const int AT_SYMLINK_NOFOLLOW = 0x100;

    public static unsafe void Set(string path, uint uid, uint gid)
    {
        fixed (byte* p = CString.Of(path))
            RawSyscall.Call(SyscallNumber.fchownat, path, AT_FDCWD, (nint)p, (nint)uid, (nint)gid, AT_SYMLINK_NOFOLLOW);
    }
}
