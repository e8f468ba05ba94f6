using System.Buffers.Binary;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Namespaces;

/// <summary>
/// Process 1 of a pid namespace that we make, a program of one page: as long as the tree lives it stays, and so costs next to
/// nothing. It waits for orphans, passes signals on to the tree's root, and ends, with the root's exit status (128 and the signal,
/// as shells tell, of one that was killed), when no process is left in the namespace. If it is killed, the kernel ends the tree.
/// All signals are blocked from its birth on: process 1 never gets an unblocked one without a handler (pid_namespaces(7)).
/// </summary>
internal static class InitProgram
{
    /// <summary>What ps and /proc/1/cmdline show; /proc/1/exe tells by the memfd of that name that the namespace is ours.</summary>
    public const string Name = "procmigrate-init";

    private const ulong Address = 0x40_0000;

    // With nothing to wait for while others live in the namespace (they were entered from outside), it looks again after this.
    private const long LookAgainSeconds = 1;

    /// <summary>A system call instruction in it.</summary>
    public static RemoteAddress SyscallInstruction => new(Address + SeedProgram.CodeOffset + 0x1f);

    /// <summary>Memory of it that it does not use.</summary>
    public static RemoteAddress Spare => new(Address + PageSize.Bytes / 2);

    /// <param name="root">The tree's root, as it is called in the namespace.</param>
    public static Descriptor Create(int root)
    {
        byte[] data = new byte[40];
        BinaryPrimitives.WriteInt32LittleEndian(data, root);
        BinaryPrimitives.WriteInt64LittleEndian(data.AsSpan(16), LookAgainSeconds);
        BinaryPrimitives.WriteUInt64LittleEndian(data.AsSpan(32), ulong.MaxValue);
        return SeedProgram.Create(Name, new RemoteAddress(Address), [.. Code, .. data], 0);
    }

    /// <summary>Its data lie right behind: root, exit code, wait status; at 16 a timespec, at 32 all signals.</summary>
    private static ReadOnlySpan<byte> Code =>
    [
        // start:
        0x48, 0x8d, 0x1d, 0xaa, 0x00, 0x00, 0x00, // lea rbx,[rip+0xaa] (the data behind)
        // reap:
        0xb8, 0x3d, 0x00, 0x00, 0x00, // mov eax,0x3d
        0x48, 0xc7, 0xc7, 0xff, 0xff, 0xff, 0xff, // mov rdi,0xffffffffffffffff
        0x48, 0x8d, 0x73, 0x08, // lea rsi,[rbx+0x8]
        0xba, 0x01, 0x00, 0x00, 0x40, // mov edx,0x40000001
        0x45, 0x31, 0xd2, // xor r10d,r10d
        0x0f, 0x05, // syscall
        0x45, 0x31, 0xd2, // xor r10d,r10d
        0x85, 0xc0, // test eax,eax
        0x7f, 0x21, // jg 49 <reaped>
        0x74, 0x48, // je 72 <wait>
        0xb8, 0x3e, 0x00, 0x00, 0x00, // mov eax,0x3e
        0x48, 0xc7, 0xc7, 0xff, 0xff, 0xff, 0xff, // mov rdi,0xffffffffffffffff
        0x31, 0xf6, // xor esi,esi
        0x0f, 0x05, // syscall
        0x83, 0xf8, 0xfd, // cmp eax,0xfffffffd
        0x75, 0x2f, // jne 6e <others>
        0x8b, 0x7b, 0x04, // mov edi,DWORD PTR [rbx+0x4]
        0xb8, 0xe7, 0x00, 0x00, 0x00, // mov eax,0xe7
        0x0f, 0x05, // syscall
        // reaped:
        0x3b, 0x03, // cmp eax,DWORD PTR [rbx]
        0x75, 0xba, // jne 7 <reap>
        0x8b, 0x4b, 0x08, // mov ecx,DWORD PTR [rbx+0x8]
        0x89, 0xca, // mov edx,ecx
        0x83, 0xe2, 0x7f, // and edx,0x7f
        0x74, 0x09, // je 60 <exited>
        0x8d, 0x8a, 0x80, 0x00, 0x00, 0x00, // lea ecx,[rdx+0x80]
        0xc1, 0xe1, 0x08, // shl ecx,0x8
        // exited:
        0xc1, 0xe9, 0x08, // shr ecx,0x8
        0x0f, 0xb6, 0xc9, // movzx ecx,cl
        0x89, 0x4b, 0x04, // mov DWORD PTR [rbx+0x4],ecx
        0x83, 0x23, 0x00, // and DWORD PTR [rbx],0x0
        0xeb, 0x99, // jmp 7 <reap>
        // others:
        0x4c, 0x8d, 0x53, 0x10, // lea r10,[rbx+0x10]
        // wait:
        0xb8, 0x80, 0x00, 0x00, 0x00, // mov eax,0x80
        0x48, 0x8d, 0x7b, 0x20, // lea rdi,[rbx+0x20]
        0x31, 0xf6, // xor esi,esi
        0x4c, 0x89, 0xd2, // mov rdx,r10
        0x41, 0xba, 0x08, 0x00, 0x00, 0x00, // mov r10d,0x8
        0x0f, 0x05, // syscall
        0x83, 0xf8, 0x11, // cmp eax,0x11
        0x0f, 0x84, 0x76, 0xff, 0xff, 0xff, // je 7 <reap>
        0x85, 0xc0, // test eax,eax
        0x0f, 0x88, 0x6e, 0xff, 0xff, 0xff, // js 7 <reap>
        0x8b, 0x3b, // mov edi,DWORD PTR [rbx]
        0x85, 0xff, // test edi,edi
        0x0f, 0x84, 0x64, 0xff, 0xff, 0xff, // je 7 <reap>
        0x89, 0xc6, // mov esi,eax
        0xb8, 0x3e, 0x00, 0x00, 0x00, // mov eax,0x3e
        0x0f, 0x05, // syscall
        0xe9, 0x56, 0xff, 0xff, 0xff, // jmp 7 <reap>
    ];
}
