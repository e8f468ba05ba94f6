using System.Runtime.InteropServices;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Linux.Processes;

/// <summary>struct kcmp_epoll_slot (linux/kcmp.h).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct EventPollSlot
{
    public uint efd;
    public uint tfd;
    public uint toff;
}

/// <summary>kcmp(2): whether two processes share a kernel object.</summary>
public static unsafe class Kcmp
{
    public const int KCMP_FILE = 0;
    public const int KCMP_VM = 1;
    public const int KCMP_FILES = 2;
    public const int KCMP_FS = 3;
    public const int KCMP_SIGHAND = 4;
    public const int KCMP_IO = 5;
    public const int KCMP_SYSVSEM = 6;
    public const int KCMP_EPOLL_TFD = 7;

    /// <returns>0 the same, 1 less, 2 greater (an order to sort by), 3 different without order.</returns>
    public static int Compare(int pid1, int pid2, int type, int index1 = 0, int index2 = 0) =>
        (int)RawSyscall.Call(SyscallNumber.kcmp, $"processes {pid1} and {pid2}", pid1, pid2, type, index1, index2);

    /// <summary>Whether a descriptor of a process is the file that an epoll watches under a number.</summary>
    /// <param name="epollFd">The epoll, in the table of <paramref name="epollPid"/>.</param>
    /// <param name="watchedFd">The number under which the file was added.</param>
    /// <param name="skip">How many others watched under the same number come first.</param>
    public static bool IsWatched(int pid, int fd, int epollPid, int epollFd, int watchedFd, int skip)
    {
        var slot = new EventPollSlot { efd = (uint)epollFd, tfd = (uint)watchedFd, toff = (uint)skip };
        return RawSyscall.Call(
            SyscallNumber.kcmp, $"epoll {epollFd} of process {epollPid} and descriptor {fd} of process {pid}",
            pid, epollPid, KCMP_EPOLL_TFD, fd, (nint)(&slot)) == 0;
    }
}
