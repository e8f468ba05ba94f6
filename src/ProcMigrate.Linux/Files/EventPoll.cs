using System.Runtime.InteropServices;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Linux.Files;

/// <summary>struct epoll_event, packed on x86-64 only (linux/eventpoll.h).</summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
public struct EventPollEvent
{
    public uint events;
    public ulong data;
}

/// <summary>epoll(7).</summary>
public static unsafe class EventPoll
{
    public const int EPOLL_CTL_ADD = 1;

    public static Descriptor Create() =>
        new((int)RawSyscall.Call(SyscallNumber.epoll_create1, "a new epoll", (nint)OpenFlags.O_CLOEXEC));

    public static void Add(Descriptor epoll, int fd, EventPollEvent wanted) => RawSyscall.Call(
        SyscallNumber.epoll_ctl, $"epoll, adding descriptor {fd}", epoll.Number, EPOLL_CTL_ADD, fd, (nint)(&wanted));
}
