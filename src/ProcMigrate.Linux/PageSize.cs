namespace ProcMigrate.Linux;

/// <summary>The page size of x86-64; images of processors with other page sizes cannot be exchanged anyway.</summary>
public static class PageSize
{
    public const int Bytes = 4096;

    public static ulong RoundUp(ulong bytes) => (bytes + Bytes - 1) & ~(ulong)(Bytes - 1);

    public static ulong RoundDown(ulong bytes) => bytes & ~(ulong)(Bytes - 1);
}
