using System.Runtime.InteropServices;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Memory;

namespace ProcMigrate.Engine.Restore;

/// <summary>struct clone_args (linux/sched.h).</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct CloneArguments
{
    public const int Size = 88;

    public ulong flags;
    public ulong pidfd;
    public ulong child_tid;
    public ulong parent_tid;
    public ulong exit_signal;
    public ulong stack;
    public ulong stack_size;
    public ulong tls;
    public ulong set_tid;
    public ulong set_tid_size;
    public ulong cgroup;

    public const ulong CLONE_VM = 0x100;
    public const ulong CLONE_FS = 0x200;
    public const ulong CLONE_FILES = 0x400;
    public const ulong CLONE_SIGHAND = 0x800;
    public const ulong CLONE_THREAD = 0x10000;
    public const ulong CLONE_SYSVSEM = 0x40000;

    public static void Write(int pid, RemoteAddress at, CloneArguments arguments, RemoteAddress setTid, int tid)
    {
        ProcessMemory.WriteFast(pid, at, MemoryMarshal.AsBytes(new ReadOnlySpan<CloneArguments>(in arguments)));
        ProcessMemory.WriteFast(pid, setTid, BitConverter.GetBytes(tid));
    }
}
