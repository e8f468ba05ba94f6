namespace ProcMigrate.Image;

/// <summary>Upper bounds that a reader enforces before it trusts an image, and a writer before it makes one.</summary>
public static class ImageLimits
{
    /// <summary>Unit of memory; memory and object data start at a multiple of it in the file.</summary>
    public const int PageSize = 4096;

    /// <summary>Longest extent of memory or object data. Small enough to be decoded and checked in one buffer.</summary>
    public const int ExtentBytes = 16 << 20;

    /// <summary>Most extents in one image: an index of 768 MiB, enough for 128 GiB with every other page zero.</summary>
    public const int Extents = 1 << 24;

    /// <summary>Longest JSON of the tree.</summary>
    public const int TreeBytes = 256 << 20;

    /// <summary>Most tokens in that JSON, which bounds what it can unfold to in memory.</summary>
    public const int TreeTokens = 1 << 25;

    /// <summary>
    /// Most memory that it may unfold to, as weighed before any is taken. A tree of 60,000 open files weighs 150 MiB; a hostile one would
    /// weigh forty times its length.
    /// </summary>
    public const long TreeMemory = 1L << 30;

    /// <summary>Deepest nesting of that JSON.</summary>
    public const int TreeDepth = 64;

    /// <summary>Most processes of a tree.</summary>
    public const int Processes = 1 << 16;

    /// <summary>Most threads of a process.</summary>
    public const int Threads = 1 << 17;

    /// <summary>Most mappings of a process.</summary>
    public const int Mappings = 1 << 22;

    /// <summary>Most descriptors of a process.</summary>
    public const int Descriptors = 1 << 22;

    /// <summary>Most kernel objects of a tree.</summary>
    public const int Objects = 1 << 23;

    /// <summary>First address that no user mapping reaches on x86-64 with four-level page tables.</summary>
    public const ulong AddressEnd = 1UL << 47;
}
