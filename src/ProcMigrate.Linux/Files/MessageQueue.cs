using System.Runtime.InteropServices;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Linux.Files;

/// <summary>struct mq_attr of the kernel.</summary>
[StructLayout(LayoutKind.Sequential, Size = 64)]
public struct MessageQueueAttributes
{
    public long mq_flags;
    public long mq_maxmsg;
    public long mq_msgsize;
    public long mq_curmsgs;
}

/// <summary>POSIX message queues (mq_overview(7)); names without the leading slash, as the system calls take them.</summary>
public static unsafe class MessageQueue
{
    public static MessageQueueAttributes AttributesOf(Descriptor queue)
    {
        MessageQueueAttributes attributes;
        RawSyscall.Call(SyscallNumber.mq_getsetattr, $"descriptor {queue.Number}", queue.Number, 0, (nint)(&attributes));
        return attributes;
    }

    /// <returns>Null where there is none of this name.</returns>
    public static Descriptor? TryOpen(string name, OpenFlags flags)
    {
        fixed (byte* p = CString.Of(name))
        {
            long fd = RawSyscall.Try(SyscallNumber.mq_open, (nint)p, (nint)(flags | OpenFlags.O_CLOEXEC));
            return fd == -Errno.ENOENT ? null : new Descriptor((int)RawSyscall.Check(fd, "mq_open", $"/{name}"));
        }
    }

    public static Descriptor Create(string name, int mode, MessageQueueAttributes attributes)
    {
        const OpenFlags Flags = OpenFlags.O_RDWR | OpenFlags.O_CREAT | OpenFlags.O_EXCL | OpenFlags.O_CLOEXEC;
        fixed (byte* p = CString.Of(name))
            return new Descriptor((int)RawSyscall.Call(SyscallNumber.mq_open, $"/{name}", (nint)p, (nint)Flags, mode, (nint)(&attributes)));
    }

    public static void Unlink(string name)
    {
        fixed (byte* p = CString.Of(name))
            RawSyscall.Call(SyscallNumber.mq_unlink, $"/{name}", (nint)p);
    }
}
