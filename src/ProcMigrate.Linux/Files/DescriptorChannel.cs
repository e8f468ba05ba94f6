using System.Runtime.InteropServices;
using ProcMigrate.Linux.Ptrace;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Linux.Files;

/// <summary>struct msghdr (sys/socket.h).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct MessageHeader
{
    public ulong msg_name;
    public uint msg_namelen;
    private uint padding1;
    public ulong msg_iov;
    public ulong msg_iovlen;
    public ulong msg_control;
    public ulong msg_controllen;
    public int msg_flags;
    private int padding2;
}

/// <summary>struct cmsghdr; the data follow, aligned to 8 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct ControlHeader
{
    public ulong cmsg_len;
    public int cmsg_level;
    public int cmsg_type;
}

/// <summary>A pair of connected unix sockets over which descriptors go to a tracee (SCM_RIGHTS, unix(7)).</summary>
public sealed unsafe class DescriptorChannel : IDisposable
{
    /// <summary>SCM_MAX_FD of the kernel.</summary>
    public const int MaxPerMessage = 253;

    private const int AF_UNIX = 1;
    private const int SOCK_STREAM = 1;
    private const int SOCK_CLOEXEC = 0x80000;
    private const int SOL_SOCKET = 1;
    private const int SCM_RIGHTS = 1;

    private DescriptorChannel(Descriptor near, Descriptor far) => (Near, Far) = (near, far);

    public Descriptor Near { get; }

    /// <summary>The end that the tracee inherits.</summary>
    public Descriptor Far { get; }

    public static DescriptorChannel Create()
    {
        int* pair = stackalloc int[2];
        RawSyscall.Call(SyscallNumber.socketpair, "unix", AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, (nint)pair);
        return new DescriptorChannel(new Descriptor(pair[0]), new Descriptor(pair[1]));
    }

    /// <summary>Sends one message of one byte with up to <see cref="MaxPerMessage"/> descriptors.</summary>
    public void Send(ReadOnlySpan<int> descriptors)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(descriptors.Length, MaxPerMessage);
        byte one = 0;
        var iov = new IoVector { iov_base = (ulong)(&one), iov_len = 1 };
        int controlLength = ControlLength(descriptors.Length);
        byte* control = stackalloc byte[controlLength];
        *(ControlHeader*)control = new ControlHeader
        {
            cmsg_len = (ulong)(sizeof(ControlHeader) + descriptors.Length * sizeof(int)),
            cmsg_level = SOL_SOCKET,
            cmsg_type = SCM_RIGHTS,
        };
        descriptors.CopyTo(new Span<int>(control + sizeof(ControlHeader), descriptors.Length));
        var message = new MessageHeader
        {
            msg_iov = (ulong)(&iov),
            msg_iovlen = 1,
            msg_control = (ulong)control,
            msg_controllen = (ulong)controlLength,
        };
        RawSyscall.Call(SyscallNumber.sendmsg, "the tracee's channel", Near.Number, (nint)(&message));
    }

    /// <summary>Bytes of a control buffer for that many descriptors (CMSG_SPACE).</summary>
    public static int ControlLength(int descriptors) => sizeof(ControlHeader) + (descriptors * sizeof(int) + 7 & ~7);

    public void Dispose()
    {
        Near.Dispose();
        Far.Dispose();
    }
}
