using System.Runtime.InteropServices;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Linux.Network;

/// <summary>Calls on sockets. Addresses are the kernel's own bytes, family first, as they come and go.</summary>
public static unsafe class SocketCalls
{
    public const short POLLIN = 1;
    public const short POLLPRI = 2;
    public const short POLLERR = 8;
    public const short POLLHUP = 16;

    // Longer than any sockaddr (struct __kernel_sockaddr_storage).
    private const int AddressSize = 128;
    private const int FIONREAD = 0x541b;
    private const int SIOCOUTQ = 0x5411;
    private const int SIOCOUTQNSD = 0x894b;
    private const int SIOCUNIXFILE = 0x89e0;

    public static Descriptor Create(int family, int type, int protocol, string what) => new((int)RawSyscall.Call(
        SyscallNumber.socket, what, family, type | SocketType.SOCK_CLOEXEC, protocol));

    public static (Descriptor First, Descriptor Second) CreatePair(int type, string what)
    {
        int* pair = stackalloc int[2];
        RawSyscall.Call(SyscallNumber.socketpair, what, AddressFamily.AF_UNIX, type | SocketType.SOCK_CLOEXEC, 0, (nint)pair);
        return (new Descriptor(pair[0]), new Descriptor(pair[1]));
    }

    public static void Bind(Descriptor socket, ReadOnlySpan<byte> address, string what) =>
        RawSyscall.Check(TryBind(socket, address), "bind", what);

    /// <returns>Zero, or minus errno.</returns>
    public static long TryBind(Descriptor socket, ReadOnlySpan<byte> address)
    {
        fixed (byte* p = address)
            return RawSyscall.Try(SyscallNumber.bind, socket.Number, (nint)p, address.Length);
    }

    public static void Connect(Descriptor socket, ReadOnlySpan<byte> address, string what) =>
        RawSyscall.Check(TryConnect(socket, address), "connect", what);

    /// <returns>Zero, or minus errno.</returns>
    public static long TryConnect(Descriptor socket, ReadOnlySpan<byte> address)
    {
        fixed (byte* p = address)
            return RawSyscall.Try(SyscallNumber.connect, socket.Number, (nint)p, address.Length);
    }

    public static void Listen(Descriptor socket, int backlog, string what) =>
        RawSyscall.Call(SyscallNumber.listen, what, socket.Number, backlog);

    public static Descriptor Accept(Descriptor socket, string what) =>
        new((int)RawSyscall.Call(SyscallNumber.accept4, what, socket.Number, 0, 0, SocketType.SOCK_CLOEXEC));

    public static void Shutdown(Descriptor socket, int how, string what) =>
        RawSyscall.Call(SyscallNumber.shutdown, what, socket.Number, how);

    /// <returns>Zero, or minus errno: of an unconnected datagram socket ENOTCONN, and it is done all the same.</returns>
    public static long TryShutdown(Descriptor socket, int how) => RawSyscall.Try(SyscallNumber.shutdown, socket.Number, how);

    public static byte[] Name(Descriptor socket) =>
        Address(socket, SyscallNumber.getsockname) ?? throw new LinuxException("getsockname", $"descriptor {socket.Number}", Errno.EINVAL);

    /// <returns>Null where there is no peer.</returns>
    public static byte[]? PeerName(Descriptor socket) => Address(socket, SyscallNumber.getpeername);

    /// <summary>An option's value; null where this socket does not know the option.</summary>
    public static byte[]? TryGetOption(Descriptor socket, int level, int name, int size)
    {
        byte[] value = new byte[size];
        int length = size;
        fixed (byte* p = value)
        {
            long result = RawSyscall.Try(SyscallNumber.getsockopt, socket.Number, level, name, (nint)p, (nint)(&length));
            if (result < 0)
                return null;
        }
        return value[..length];
    }

    /// <summary>Whether getsockopt(2) answers a question that stands in the buffer itself.</summary>
    public static bool TryQueryOption(Descriptor socket, int level, int name, byte[] question)
    {
        int length = question.Length;
        fixed (byte* p = question)
            return RawSyscall.Try(SyscallNumber.getsockopt, socket.Number, level, name, (nint)p, (nint)(&length)) >= 0;
    }

    public static int GetInt(Descriptor socket, int level, int name)
    {
        int value = 0;
        int length = sizeof(int);
        RawSyscall.Call(
            SyscallNumber.getsockopt, $"option {level}/{name} of descriptor {socket.Number}", socket.Number, level, name, (nint)(&value), (nint)(&length));
        return value;
    }

    public static void SetOption(Descriptor socket, int level, int name, ReadOnlySpan<byte> value, string what) =>
        RawSyscall.Check(TrySetOption(socket, level, name, value), "setsockopt", what);

    /// <returns>Zero, or minus errno.</returns>
    public static long TrySetOption(Descriptor socket, int level, int name, ReadOnlySpan<byte> value)
    {
        fixed (byte* p = value)
            return RawSyscall.Try(SyscallNumber.setsockopt, socket.Number, level, name, (nint)p, value.Length);
    }

    public static void SetInt(Descriptor socket, int level, int name, int value, string what) =>
        SetOption(socket, level, name, MemoryMarshal.AsBytes(new ReadOnlySpan<int>(in value)), what);

    /// <summary>The classic BPF program attached to a socket, 8 bytes an instruction; empty where there is none.</summary>
    /// <returns>Null where a program is attached that is not classic, and cannot be read.</returns>
    public static byte[]? GetFilter(Descriptor socket)
    {
        // The length counts instructions here, not bytes.
        int count = 0;
        long result = RawSyscall.Try(
            SyscallNumber.getsockopt, socket.Number, SocketOptions.SOL_SOCKET, SocketOptions.SO_GET_FILTER, 0, (nint)(&count));
        if (result == -Errno.EACCES)
            return null;
        RawSyscall.Check(result, "getsockopt(SO_GET_FILTER)", $"descriptor {socket.Number}");
        byte[] program = new byte[count * 8];
        fixed (byte* p = program)
        {
            RawSyscall.Call(
                SyscallNumber.getsockopt, $"the filter of descriptor {socket.Number}", socket.Number, SocketOptions.SOL_SOCKET,
                SocketOptions.SO_GET_FILTER, (nint)p, (nint)(&count));
        }
        return program;
    }

    public static void AttachFilter(Descriptor socket, ReadOnlySpan<byte> program)
    {
        fixed (byte* p = program)
        {
            // struct sock_fprog: the count of instructions, padding, their address.
            ulong* header = stackalloc ulong[2];
            header[0] = (ulong)program.Length / 8;
            header[1] = (ulong)p;
            RawSyscall.Call(
                SyscallNumber.setsockopt, "a socket's filter", socket.Number, SocketOptions.SOL_SOCKET, SocketOptions.SO_ATTACH_FILTER, (nint)header, 16);
        }
    }

    /// <summary>Bytes waiting to be read; for datagrams, those of the first.</summary>
    public static int BytesToRead(Descriptor socket) => Ask(socket, FIONREAD);

    /// <summary>Bytes written that the other side has not taken.</summary>
    public static int BytesToSend(Descriptor socket) => Ask(socket, SIOCOUTQ);

    /// <summary>Bytes written to a TCP socket that have not been sent even once.</summary>
    public static int BytesNotSent(Descriptor socket) => Ask(socket, SIOCOUTQNSD);

    /// <summary>The file that a unix socket is bound to, as an O_PATH descriptor: right even after the file was renamed or deleted.</summary>
    /// <returns>Null where it is not bound to one.</returns>
    public static Descriptor? BoundFile(Descriptor socket)
    {
        long fd = TryBoundFile(socket);
        return fd == -Errno.ENOENT ? null : new Descriptor((int)RawSyscall.Check(fd, "ioctl(SIOCUNIXFILE)", $"descriptor {socket.Number}"));
    }

    /// <summary>The same as a number, or minus errno: ENOENT without a file, EPERM without CAP_NET_ADMIN over the network namespace.</summary>
    public static long TryBoundFile(Descriptor socket) => RawSyscall.Try(SyscallNumber.ioctl, socket.Number, SIOCUNIXFILE);

    /// <summary>What poll(2) says now; POLLERR tells of a pending error without clearing it, as SO_ERROR would.</summary>
    public static short Poll(Descriptor socket)
    {
        var poll = new PollDescriptor { fd = socket.Number, events = POLLIN | POLLPRI };
        RawSyscall.Call(SyscallNumber.poll, $"descriptor {socket.Number}", (nint)(&poll), 1, 0);
        return poll.revents;
    }

    private static int Ask(Descriptor socket, int request)
    {
        int value = 0;
        RawSyscall.Call(SyscallNumber.ioctl, $"descriptor {socket.Number}", socket.Number, request, (nint)(&value));
        return value;
    }

    private static byte[]? Address(Descriptor socket, SyscallNumber call)
    {
        byte* address = stackalloc byte[AddressSize];
        int length = AddressSize;
        long result = RawSyscall.Try(call, socket.Number, (nint)address, (nint)(&length));
        return result < 0 ? null : new ReadOnlySpan<byte>(address, length).ToArray();
    }
}
