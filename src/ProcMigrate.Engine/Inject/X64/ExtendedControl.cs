using System.Runtime.Intrinsics.X86;
using ProcMigrate.Linux;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Inject.X64;

/// <summary>XCR0: the state components that the kernel lets programs use. Its instruction (XGETBV) has no intrinsic.</summary>
internal static class ExtendedControl
{
    private const int OsXsave = 1 << 27;
    private const ulong LegacyState = 3;

    public static ulong Xcr0 { get; } = Read();

    private static unsafe ulong Read()
    {
        if ((X86Base.CpuId(1, 0).Ecx & OsXsave) == 0)
            return LegacyState;
        const int ReadWrite = 3, ReadExecute = 5, PrivateAnonymous = 0x22;
        nint page = (nint)RawSyscall.Call(SyscallNumber.mmap, "a page of code", 0, PageSize.Bytes, ReadWrite, PrivateAnonymous, -1, 0);
        // xor ecx,ecx; xgetbv; shl rdx,32; or rax,rdx; ret
        ReadOnlySpan<byte> code = [0x31, 0xc9, 0x0f, 0x01, 0xd0, 0x48, 0xc1, 0xe2, 0x20, 0x48, 0x09, 0xd0, 0xc3];
        code.CopyTo(new Span<byte>((void*)page, code.Length));
        RawSyscall.Call(SyscallNumber.mprotect, "a page of code", page, PageSize.Bytes, ReadExecute);
        ulong xcr0 = ((delegate* unmanaged<ulong>)page)();
        RawSyscall.Call(SyscallNumber.munmap, "a page of code", page, PageSize.Bytes);
        return xcr0;
    }
}
