using System.Runtime.InteropServices;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Linux.Files;

/// <summary>struct pollfd (poll.h).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct PollDescriptor
{
    public int fd;
    public short events;
    public short revents;
}

/// <summary>poll(2) of a single descriptor.</summary>
public static unsafe class Polling
{
    public const int POLLIN = 1;
    public const int POLLOUT = 4;
    public const int POLLERR = 8;
    public const int POLLHUP = 0x10;

    /// <summary>The other side is gone.</summary>
    public static bool HasHungUp(Descriptor file) => (Now(file, 0) & POLLHUP) != 0;

    /// <summary>Waits until something can be read, be it the end; false where <paramref name="patience"/> ends before.</summary>
    public static bool AwaitInput(SafeHandle file, TimeSpan patience) => Await(file, POLLIN, patience);

    /// <summary>Waits until it is ready for one of the events, or the other side is gone; false where <paramref name="patience"/> ends before.</summary>
    public static bool Await(SafeHandle file, int events, TimeSpan patience)
    {
        long start = Environment.TickCount64;
        while (true)
        {
            var poll = new PollDescriptor { fd = (int)file.DangerousGetHandle(), events = (short)events };
            long left = Math.Clamp((long)patience.TotalMilliseconds - (Environment.TickCount64 - start), 0, int.MaxValue);
            long result = RawSyscall.Try(SyscallNumber.poll, (nint)(&poll), 1, (nint)left);
            if (result != -Errno.EINTR)
                return RawSyscall.Check(result, "poll", $"descriptor {poll.fd}") > 0;
        }
    }

    /// <summary>What it is ready for; nothing is changed.</summary>
    public static int Now(Descriptor file, int events)
    {
        var poll = new PollDescriptor { fd = file.Number, events = (short)events };
        RawSyscall.Call(SyscallNumber.poll, $"descriptor {file.Number}", (nint)(&poll), 1, 0);
        return poll.revents;
    }
}
