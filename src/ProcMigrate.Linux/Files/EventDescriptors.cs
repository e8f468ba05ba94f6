using ProcMigrate.Linux.Processes;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Linux.Files;

/// <summary>eventfd(2), timerfd_create(2) and signalfd(2).</summary>
public static unsafe class EventDescriptors
{
    public const int EFD_SEMAPHORE = 1;
    public const int TFD_TIMER_ABSTIME = 1;

    // _IOW('T', 0, __u64), there with CONFIG_CHECKPOINT_RESTORE.
    private const int TFD_IOC_SET_TICKS = 0x40085400;

    public static Descriptor CreateEvent(bool semaphore) => new((int)RawSyscall.Call(
        SyscallNumber.eventfd2, "a new eventfd", 0, (nint)OpenFlags.O_CLOEXEC | (semaphore ? EFD_SEMAPHORE : 0)));

    public static void AddToEvent(Descriptor file, ulong count) =>
        RawSyscall.Call(SyscallNumber.write, $"eventfd, descriptor {file.Number}", file.Number, (nint)(&count), sizeof(ulong));

    public static Descriptor CreateTimer(int clock) =>
        new((int)RawSyscall.Call(SyscallNumber.timerfd_create, $"a timerfd of clock {clock}", clock, (nint)OpenFlags.O_CLOEXEC));

    /// <summary>What is left. It also brings the kernel's count of a periodic timer's ticks up to now, as any read of it would.</summary>
    public static TimerSpec GetTimer(Descriptor file)
    {
        TimerSpec time;
        RawSyscall.Call(SyscallNumber.timerfd_gettime, $"timerfd, descriptor {file.Number}", file.Number, (nint)(&time));
        return time;
    }

    public static void SetTimer(Descriptor file, int flags, TimerSpec time) =>
        RawSyscall.Call(SyscallNumber.timerfd_settime, $"timerfd, descriptor {file.Number}", file.Number, flags, (nint)(&time));

    /// <summary>Expirations that a read will report.</summary>
    public static void SetTicks(Descriptor file, ulong ticks) => RawSyscall.Call(
        SyscallNumber.ioctl, $"TFD_IOC_SET_TICKS of descriptor {file.Number}", file.Number, TFD_IOC_SET_TICKS, (nint)(&ticks));

    public static Descriptor CreateSignal(ulong mask) => new((int)RawSyscall.Call(
        SyscallNumber.signalfd4, "a new signalfd", -1, (nint)(&mask), sizeof(ulong), (nint)OpenFlags.O_CLOEXEC));
}
