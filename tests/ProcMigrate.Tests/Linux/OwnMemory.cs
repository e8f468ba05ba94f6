using ProcMigrate.Linux;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Tests.Linux;

/// <summary>Memory of this process, mapped as a test wants it and unmapped with it.</summary>
internal sealed unsafe class OwnMemory : IDisposable
{
    public const int PROT_NONE = 0;
    public const int PROT_READ = 1;
    public const int PROT_READ_WRITE = 3;
    public const int MAP_SHARED = 1;
    public const int MAP_PRIVATE = 2;
    private const int MAP_ANONYMOUS = 0x20;

    public OwnMemory(int pages, int sharing = MAP_PRIVATE, int protection = PROT_READ_WRITE, int fd = -1)
    {
        Length = pages * PageSize.Bytes;
        long address = RawSyscall.Call(
            SyscallNumber.mmap, "memory of a test", 0, Length, protection, sharing | (fd < 0 ? MAP_ANONYMOUS : 0), fd);
        Start = new RemoteAddress((ulong)address);
    }

    public RemoteAddress Start { get; }
    public RemoteAddress End => Start + (ulong)Length;
    public int Length { get; }
    public Span<byte> Bytes => new((void*)Start.Value, Length);

    public Span<byte> Page(int index) => Bytes.Slice(index * PageSize.Bytes, PageSize.Bytes);

    public void Protect(int firstPage, int pages, int protection) => RawSyscall.Call(
        SyscallNumber.mprotect, "memory of a test", (nint)Start.Value + firstPage * PageSize.Bytes, pages * PageSize.Bytes, protection);

    public long TryAdvise(int firstPage, int pages, int advice) => RawSyscall.Try(
        SyscallNumber.madvise, (nint)Start.Value + firstPage * PageSize.Bytes, pages * PageSize.Bytes, advice);

    public void Dispose() => RawSyscall.Call(SyscallNumber.munmap, "memory of a test", (nint)Start.Value, Length);
}
