using System.Runtime.InteropServices;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Linux.Processes;

/// <summary>struct sched_attr (linux/sched/types.h), first version's 48 bytes and the clamps.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct SchedAttr
{
    public uint size;
    public uint sched_policy;
    public ulong sched_flags;
    public int sched_nice;
    public uint sched_priority;
    public ulong sched_runtime;
    public ulong sched_deadline;
    public ulong sched_period;
    public uint sched_util_min;
    public uint sched_util_max;
}

/// <summary>Scheduling of a thread, asked and set from outside.</summary>
public static unsafe class Scheduling
{
    private const int PRIO_PROCESS = 0;
    private const int IOPRIO_WHO_PROCESS = 1;

    public static SchedAttr GetAttributes(int tid)
    {
        SchedAttr attr;
        RawSyscall.Call(SyscallNumber.sched_getattr, $"thread {tid}", tid, (nint)(&attr), sizeof(SchedAttr), 0);
        return attr;
    }

    public static void SetAttributes(int tid, SchedAttr attr) =>
        RawSyscall.Call(SyscallNumber.sched_setattr, $"thread {tid}", tid, (nint)(&attr), 0);

    /// <summary>The CPUs a thread may run on, as a bit mask from CPU 0 up.</summary>
    public static byte[] GetAffinity(int tid)
    {
        byte[] mask = new byte[1024];
        fixed (byte* p = mask)
        {
            long length = RawSyscall.Call(SyscallNumber.sched_getaffinity, $"thread {tid}", tid, mask.Length, (nint)p);
            return mask[..(int)length];
        }
    }

    public static void SetAffinity(int tid, ReadOnlySpan<byte> mask)
    {
        fixed (byte* p = mask)
            RawSyscall.Call(SyscallNumber.sched_setaffinity, $"thread {tid}", tid, mask.Length, (nint)p);
    }

    public static void SetNice(int tid, int nice) =>
        RawSyscall.Call(SyscallNumber.setpriority, $"thread {tid}", PRIO_PROCESS, tid, nice);

    public static int GetIoPriority(int tid) =>
        (int)RawSyscall.Call(SyscallNumber.ioprio_get, $"thread {tid}", IOPRIO_WHO_PROCESS, tid);

    public static void SetIoPriority(int tid, int priority) =>
        RawSyscall.Call(SyscallNumber.ioprio_set, $"thread {tid}", IOPRIO_WHO_PROCESS, tid, priority);
}
