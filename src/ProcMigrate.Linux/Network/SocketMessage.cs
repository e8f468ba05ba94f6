using System.Buffers.Binary;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Ptrace;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Linux.Network;

/// <summary>struct ucred: who sent a message, or stands behind a connection.</summary>
public sealed record PeerCredentials(int Pid, int Uid, int Gid);

/// <summary>A message with its sender's address and what came along (unix(7)). Disposing it closes the descriptors.</summary>
public sealed unsafe class SocketMessage : IDisposable
{
    // 253 descriptors, credentials, a pidfd, a security label: all fit.
    private const int ControlSize = 4096;
    private const int NameSize = 128;

    public required byte[] Data { get; init; }
    public required byte[] From { get; init; }
    public required bool Truncated { get; init; }
    public IReadOnlyList<Descriptor> Descriptors { get; private set; } = [];
    public PeerCredentials? Credentials { get; private set; }

    /// <summary>Looks at what is next to be received; it stays in the queue. Descriptors in flight are duplicated.</summary>
    /// <returns>Null where there is nothing.</returns>
    public static SocketMessage? Peek(Descriptor socket, int size)
    {
        byte[] buffer = new byte[Math.Max(size, 1)];
        byte* control = stackalloc byte[ControlSize];
        byte* name = stackalloc byte[NameSize];
        fixed (byte* p = buffer)
        {
            var vector = new IoVector { iov_base = (ulong)p, iov_len = (ulong)size };
            var header = new MessageHeader
            {
                msg_name = (ulong)name,
                msg_namelen = NameSize,
                msg_iov = (ulong)(&vector),
                msg_iovlen = 1,
                msg_control = (ulong)control,
                msg_controllen = ControlSize,
            };
            const int Flags = SocketOptions.MSG_PEEK | SocketOptions.MSG_DONTWAIT | SocketOptions.MSG_CMSG_CLOEXEC;
            long length = RawSyscall.Try(SyscallNumber.recvmsg, socket.Number, (nint)(&header), Flags);
            if (length == -Errno.EAGAIN)
                return null;
            RawSyscall.Check(length, "recvmsg(MSG_PEEK)", $"descriptor {socket.Number}");
            var message = new SocketMessage
            {
                Data = buffer[..(int)length],
                From = new ReadOnlySpan<byte>(name, (int)Math.Min(header.msg_namelen, NameSize)).ToArray(),
                Truncated = (header.msg_flags & SocketOptions.MSG_TRUNC) != 0,
            };
            message.ReadControl(new ReadOnlySpan<byte>(control, (int)header.msg_controllen));
            return (header.msg_flags & SocketOptions.MSG_CTRUNC) == 0
                ? message
                : throw new LinuxException("recvmsg(MSG_PEEK): control data cut off", $"descriptor {socket.Number}", Errno.ENOSPC);
        }
    }

    /// <summary>
    /// Of a stream's next <paramref name="length"/> bytes, those that were sent in pieces before the piece that the last byte
    /// belongs to. Peeking tells no such border: the kernel goes on to the next piece even where the buffer is full, and takes
    /// up its descriptors. So the last byte is made impossible to write: the kernel then stops before the piece.
    /// </summary>
    public static int PeekBorder(Descriptor socket, int length)
    {
        const int PROT_READ_WRITE = 3, MAP_PRIVATE_ANONYMOUS = 0x22;
        nint room = (nint)PageSize.RoundUp((ulong)length);
        nint total = room + PageSize.Bytes;
        nint start = (nint)RawSyscall.Call(SyscallNumber.mmap, "a buffer", 0, total, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS, -1);
        try
        {
            RawSyscall.Call(SyscallNumber.mprotect, "a buffer's end", start + room, PageSize.Bytes, 0);
            var vector = new IoVector { iov_base = (ulong)(start + room - (length - 1)), iov_len = (ulong)length };
            var header = new MessageHeader { msg_iov = (ulong)(&vector), msg_iovlen = 1 };
            const int Flags = SocketOptions.MSG_PEEK | SocketOptions.MSG_DONTWAIT;
            long result = RawSyscall.Try(SyscallNumber.recvmsg, socket.Number, (nint)(&header), Flags);
            return result == -Errno.EFAULT ? 0 : (int)RawSyscall.Check(result, "recvmsg(MSG_PEEK)", $"descriptor {socket.Number}");
        }
        finally
        {
            RawSyscall.Call(SyscallNumber.munmap, "a buffer", start, total);
        }
    }

    /// <summary>Sends a message without waiting, with an address where one is given.</summary>
    /// <returns>Bytes sent, or minus errno.</returns>
    public static long TrySend(
        Descriptor socket, ReadOnlySpan<byte> data, ReadOnlySpan<byte> to, ReadOnlySpan<int> descriptors, PeerCredentials? credentials)
    {
        Span<byte> control = stackalloc byte[ControlSize];
        control.Clear();
        int length = 0;
        if (!descriptors.IsEmpty)
        {
            Span<byte> numbers = Append(control, ref length, SocketOptions.SCM_RIGHTS, descriptors.Length * sizeof(int));
            for (int i = 0; i < descriptors.Length; i++)
                BinaryPrimitives.WriteInt32LittleEndian(numbers[(i * 4)..], descriptors[i]);
        }
        if (credentials is { } who)
        {
            Span<byte> ids = Append(control, ref length, SocketOptions.SCM_CREDENTIALS, 12);
            BinaryPrimitives.WriteInt32LittleEndian(ids, who.Pid);
            BinaryPrimitives.WriteInt32LittleEndian(ids[4..], who.Uid);
            BinaryPrimitives.WriteInt32LittleEndian(ids[8..], who.Gid);
        }
        fixed (byte* p = data)
        fixed (byte* name = to)
        fixed (byte* c = control)
        {
            var vector = new IoVector { iov_base = (ulong)p, iov_len = (ulong)data.Length };
            var header = new MessageHeader
            {
                msg_name = (ulong)name,
                msg_namelen = (uint)to.Length,
                msg_iov = (ulong)(&vector),
                msg_iovlen = 1,
                msg_control = length == 0 ? 0 : (ulong)c,
                msg_controllen = (ulong)length,
            };
            return RawSyscall.Try(
                SyscallNumber.sendmsg, socket.Number, (nint)(&header), SocketOptions.MSG_DONTWAIT | SocketOptions.MSG_NOSIGNAL);
        }
    }

    public void Dispose()
    {
        foreach (Descriptor descriptor in Descriptors)
            descriptor.Dispose();
        Descriptors = [];
    }

    /// <summary>Leaves the descriptors to the caller.</summary>
    public IReadOnlyList<Descriptor> TakeDescriptors()
    {
        IReadOnlyList<Descriptor> taken = Descriptors;
        Descriptors = [];
        return taken;
    }

    private static Span<byte> Append(Span<byte> control, ref int length, int type, int size)
    {
        Span<byte> at = control[length..];
        BinaryPrimitives.WriteUInt64LittleEndian(at, (ulong)(sizeof(ControlHeader) + size));
        BinaryPrimitives.WriteInt32LittleEndian(at[8..], SocketOptions.SOL_SOCKET);
        BinaryPrimitives.WriteInt32LittleEndian(at[12..], type);
        length += sizeof(ControlHeader) + (size + 7 & ~7);
        return at[sizeof(ControlHeader)..];
    }

    private void ReadControl(ReadOnlySpan<byte> control)
    {
        var descriptors = new List<Descriptor>();
        while (control.Length >= sizeof(ControlHeader))
        {
            int length = (int)BinaryPrimitives.ReadUInt64LittleEndian(control);
            int level = BinaryPrimitives.ReadInt32LittleEndian(control[8..]);
            int type = BinaryPrimitives.ReadInt32LittleEndian(control[12..]);
            ReadOnlySpan<byte> data = control[sizeof(ControlHeader)..length];
            if (level == SocketOptions.SOL_SOCKET && type == SocketOptions.SCM_RIGHTS)
            {
                for (int i = 0; i + 4 <= data.Length; i += 4)
                    descriptors.Add(new Descriptor(BinaryPrimitives.ReadInt32LittleEndian(data[i..])));
            }
            else if (level == SocketOptions.SOL_SOCKET && type == SocketOptions.SCM_CREDENTIALS)
            {
                Credentials = new PeerCredentials(
                    BinaryPrimitives.ReadInt32LittleEndian(data), BinaryPrimitives.ReadInt32LittleEndian(data[4..]),
                    BinaryPrimitives.ReadInt32LittleEndian(data[8..]));
            }
            else if (level == SocketOptions.SOL_SOCKET && type == ScmPidfd)
            {
                new Descriptor(BinaryPrimitives.ReadInt32LittleEndian(data)).Dispose();
            }
            control = control[Math.Min(control.Length, length + 7 & ~7)..];
        }
        Descriptors = descriptors;
    }

    // With SO_PASSPIDFD each message brings a descriptor of its sender, made for the occasion.
    private const int ScmPidfd = 4;
}
