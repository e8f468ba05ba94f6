using ProcMigrate.Linux.X64;

namespace ProcMigrate.Linux.Files;

/// <summary>memfd_create(2).</summary>
public static unsafe class MemoryFile
{
    public const int MFD_CLOEXEC = 1;
    public const int MFD_ALLOW_SEALING = 2;
    public const int MFD_HUGETLB = 4;
    public const int MFD_HUGE_SHIFT = 26;
    public const int MFD_EXEC = 0x10;

    public const int F_ADD_SEALS = 1033;
    public const int F_GET_SEALS = 1034;

    public static Descriptor Create(string name, int flags = 0)
    {
        fixed (byte* p = CString.Of(name))
            return new Descriptor((int)RawSyscall.Call(SyscallNumber.memfd_create, name, (nint)p, flags | MFD_CLOEXEC));
    }

    /// <summary>Seals of a memfd, or -1 for a file that cannot have any.</summary>
    public static int GetSeals(Descriptor file)
    {
        long seals = RawSyscall.Try(SyscallNumber.fcntl, file.Number, F_GET_SEALS);
        return seals == -Errno.EINVAL ? -1 : (int)RawSyscall.Check(seals, "fcntl(F_GET_SEALS)", $"descriptor {file.Number}");
    }

    public static void AddSeals(Descriptor file, int seals) =>
        RawSyscall.Call(SyscallNumber.fcntl, $"descriptor {file.Number}", file.Number, F_ADD_SEALS, seals);
}
