using ProcMigrate.Linux.X64;

namespace ProcMigrate.Linux.Files;

/// <summary>Extended attributes of an open file (xattr(7)).</summary>
public static unsafe class ExtendedAttributes
{
    // XATTR_LIST_MAX and XATTR_SIZE_MAX.
    private const int Longest = 64 << 10;

    /// <returns>Empty where the file system has none.</returns>
    public static string[] Names(Descriptor file)
    {
        byte[] list = new byte[Longest];
        fixed (byte* p = list)
        {
            long length = RawSyscall.Try(SyscallNumber.flistxattr, file.Number, (nint)p, Longest);
            if (length is -Errno.EOPNOTSUPP or 0)
                return [];
            RawSyscall.Check(length, "flistxattr", $"descriptor {file.Number}");
            return CString.Decode(list.AsSpan(0, (int)length)).TrimEnd('\0').Split('\0');
        }
    }

    /// <summary>
    /// Whether the file behind a path has a POSIX access list (acl(5)) with more than owner, group and others. With one, the group bits of
    /// its mode are but the most that any user or group in it has.
    /// </summary>
    public static bool HasAccessList(string path)
    {
        fixed (byte* p = CString.Of(path))
        fixed (byte* n = CString.Of("system.posix_acl_access"))
        {
            long length = RawSyscall.Try(SyscallNumber.getxattr, (nint)p, (nint)n, 0, 0);
            return length is not (-Errno.ENODATA or -Errno.EOPNOTSUPP) && RawSyscall.Check(length, "getxattr", path) > 0;
        }
    }

    /// <returns>Null where it has gone meanwhile.</returns>
    public static byte[]? Get(Descriptor file, string name)
    {
        byte[] value = new byte[Longest];
        fixed (byte* n = CString.Of(name))
        fixed (byte* p = value)
        {
            long length = RawSyscall.Try(SyscallNumber.fgetxattr, file.Number, (nint)n, (nint)p, Longest);
            if (length is -Errno.ENODATA or -Errno.EOPNOTSUPP)
                return null;
            return value[..(int)RawSyscall.Check(length, "fgetxattr", name)];
        }
    }

    /// <returns>False where the file system has none, or none of this sort.</returns>
    public static bool TrySet(Descriptor file, string name, byte[] value)
    {
        fixed (byte* n = CString.Of(name))
        fixed (byte* p = value)
        {
            long result = RawSyscall.Try(SyscallNumber.fsetxattr, file.Number, (nint)n, (nint)p, value.Length, 0);
            if (result is -Errno.EOPNOTSUPP or -Errno.EPERM or -Errno.EACCES)
                return false;
            RawSyscall.Check(result, "fsetxattr", name);
            return true;
        }
    }
}
