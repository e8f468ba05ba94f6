using System.Runtime.InteropServices;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Linux.Processes;

/// <summary>struct timespec of the kernel.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct TimeSpec
{
    public long tv_sec;
    public long tv_nsec;

    public readonly long TotalNanoseconds => checked(tv_sec * 1_000_000_000 + tv_nsec);

    public static TimeSpec FromNanoseconds(long ns) => new() { tv_sec = ns / 1_000_000_000, tv_nsec = ns % 1_000_000_000 };
}

/// <summary>clock_gettime(2).</summary>
public static unsafe class Clock
{
    public const int CLOCK_REALTIME = 0;
    public const int CLOCK_MONOTONIC = 1;
    public const int CLOCK_BOOTTIME = 7;

    public static long Now(int clock)
    {
        TimeSpec time;
        RawSyscall.Call(SyscallNumber.clock_gettime, $"clock {clock}", clock, (nint)(&time));
        return time.TotalNanoseconds;
    }
}
