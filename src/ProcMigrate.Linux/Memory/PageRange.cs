namespace ProcMigrate.Linux.Memory;

/// <summary>What the kernel says of a page (linux/fs.h, PAGE_IS_*).</summary>
[Flags]
public enum PageCategory : ulong
{
    None = 0,
    WriteProtectAllowed = 1 << 0,
    Written = 1 << 1,
    File = 1 << 2,
    Present = 1 << 3,
    Swapped = 1 << 4,
    ZeroPage = 1 << 5,
    Huge = 1 << 6,
    Guard = 1 << 8,
}

/// <summary>Consecutive pages of the same categories.</summary>
public readonly record struct PageRange(RemoteAddress Start, RemoteAddress End, PageCategory Categories)
{
    public ulong Length => End - Start;
}
