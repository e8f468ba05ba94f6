using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Restore;

/// <summary>
/// Names that programs give their memory (prctl(2), PR_SET_VMA_ANON_NAME). They show in /proc/PID/maps and have no other effect; so where
/// this kernel does not know them (before Linux 5.17, shared memory before 6.2, or without CONFIG_ANON_VMA_NAME) they are left out, not a blocker.
/// </summary>
internal static class MemoryNames
{
    public const ulong PR_SET_VMA = 0x53564d41;
    public const ulong PR_SET_VMA_ANON_NAME = 0;
    private const int MAP_SHARED = 0x1;
    private const int MAP_PRIVATE = 0x2;
    private const int MAP_ANONYMOUS = 0x20;

    private static readonly Lazy<bool> OfPrivate = new(() => Try(MAP_PRIVATE));
    private static readonly Lazy<bool> OfShared = new(() => Try(MAP_SHARED));

    /// <summary>"[anon:NAME]" and "[anon_shmem:NAME]" show a name given by the program; else null.</summary>
    public static string? Of(MappingRecord mapping)
    {
        foreach (string prefix in (string[])["[anon:", "[anon_shmem:"])
        {
            if (mapping.Name?.StartsWith(prefix, StringComparison.Ordinal) == true)
                return mapping.Name[prefix.Length..^1];
        }
        return null;
    }

    /// <summary>Whether this kernel gives names to memory of that sort.</summary>
    public static bool AreKnown(MappingRecord mapping) => (mapping.Name?.StartsWith("[anon:", StringComparison.Ordinal) == true ? OfPrivate : OfShared).Value;

    /// <summary>Tried on memory of our own: a name taken away is a name set.</summary>
    private static bool Try(int sharing)
    {
        long page = RawSyscall.Call(SyscallNumber.mmap, "a page", 0, PageSize.Bytes, 0, sharing | MAP_ANONYMOUS, -1, 0);
        bool done = RawSyscall.Try(SyscallNumber.prctl, (nint)PR_SET_VMA, (nint)PR_SET_VMA_ANON_NAME, (nint)page, PageSize.Bytes, 0) >= 0;
        RawSyscall.Try(SyscallNumber.munmap, (nint)page, PageSize.Bytes);
        return done;
    }
}
