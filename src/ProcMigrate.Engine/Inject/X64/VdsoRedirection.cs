using System.Buffers.Binary;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Inject.X64;

/// <summary>Code for the entry point of an old vdso: on to the same function of the kernel's own, or the system call behind it.</summary>
internal static class VdsoRedirection
{
    private static readonly (string Name, SyscallNumber Call)[] Calls =
    [
        ("__vdso_clock_gettime", SyscallNumber.clock_gettime), ("__vdso_clock_getres", SyscallNumber.clock_getres),
        ("__vdso_gettimeofday", SyscallNumber.gettimeofday), ("__vdso_time", SyscallNumber.time), ("__vdso_getcpu", SyscallNumber.getcpu),
        ("__vdso_getrandom", SyscallNumber.getrandom),
    ];

    public static byte[] To(ulong address)
    {
        // mov rax,ADDRESS; jmp rax. It is not an argument of any of them.
        byte[] code = [0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xe0];
        BinaryPrimitives.WriteUInt64LittleEndian(code.AsSpan(2), address);
        return code;
    }

    /// <summary>For a function that the kernel here does not have. They take their arguments in the same registers as system calls.</summary>
    public static byte[] ToSystemCall(string name)
    {
        // push -ENOSYS; pop rax; ret: all 64 bits of it, some of these functions answer a long.
        byte[] none = [0x6a, 0xda, 0x58, 0xc3];
        foreach ((string known, SyscallNumber call) in Calls)
        {
            if (known != name)
                continue;
            // mov eax,NUMBER; syscall; ret
            byte[] code = [0xb8, (byte)call, (byte)((int)call >> 8), 0, 0, 0x0f, 0x05, 0xc3];
            // With an opaque_len of -1 it is asked what its state looks like, which no system call answers:
            // cmp r8,-1; jne over the answer "none" that follows.
            return call == SyscallNumber.getrandom ? [0x49, 0x83, 0xf8, 0xff, 0x75, 0x04, .. none, .. code] : code;
        }
        return none;
    }
}
