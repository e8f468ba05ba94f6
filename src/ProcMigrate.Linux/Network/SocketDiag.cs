using System.Buffers.Binary;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Linux.Network;

/// <summary>What the kernel tells of a unix socket (linux/unix_diag.h).</summary>
/// <param name="Peer">Inode of the peer; 0 where it has none, is closed or waits to be accepted.</param>
/// <param name="Waiting">Of a listening socket: inodes of those whose connection is not accepted yet.</param>
/// <param name="FileInode">Inode of the file it is bound to, or 0.</param>
public sealed record UnixSocketInfo(
    uint Inode, int Type, int State, uint Peer, IReadOnlyList<uint> Waiting, uint ReadQueue, uint WriteQueue, int Shutdown, uint FileInode, byte[] Name);

/// <summary>What the kernel tells of an IPv4 or IPv6 socket (linux/inet_diag.h). Ports in host order, addresses of 4 or 16 bytes.</summary>
/// <param name="Signed">It has keys for signatures of its segments (TCP_MD5SIG); told to CAP_NET_ADMIN only.</param>
public sealed record InternetSocketInfo(
    int Family, int State, byte[] Local, int LocalPort, byte[] Remote, int RemotePort, int Interface, ulong Cookie, uint ReadQueue, uint WriteQueue, uint Uid, uint Inode, int Shutdown, bool Signed);

/// <summary>What the kernel tells of a packet socket (linux/packet_diag.h): more than the socket itself can be asked.</summary>
/// <param name="ReceiveRing">struct packet_diag_ring, which is laid out as struct tpacket_req3; null where there is none.</param>
public sealed record PacketSocketInfo(
    uint Inode, int Type, int Protocol, int Interface, byte[]? ReceiveRing, byte[]? SendRing, uint? Fanout, IReadOnlyList<byte[]> Memberships);

/// <summary>sock_diag(7): all sockets of this network namespace, whoever holds them.</summary>
public static unsafe class SocketDiag
{
    private const int NETLINK_SOCK_DIAG = 4;
    private const ushort SOCK_DIAG_BY_FAMILY = 20;
    private const ushort SOCK_DESTROY = 21;
    private const ushort NLMSG_ERROR = 2;
    private const ushort NLMSG_DONE = 3;
    private const ushort NLM_F_REQUEST = 1;
    private const ushort NLM_F_ACK = 4;
    private const ushort NLM_F_DUMP = 0x300;
    private const int HeaderSize = 16;
    private const int InternetRequestSize = 56;
    private const int InternetMessageSize = 72;
    private const int INET_DIAG_INFO = 2;
    private const int INET_DIAG_SHUTDOWN = 8;
    private const int INET_DIAG_MD5SIG = 18;

    public static List<UnixSocketInfo> UnixSockets()
    {
        // struct unix_diag_req: all states; name, file, peer, waiting connections, queue lengths.
        Span<byte> request = stackalloc byte[24];
        request.Clear();
        request[0] = AddressFamily.AF_UNIX;
        BinaryPrimitives.WriteUInt32LittleEndian(request[4..], uint.MaxValue);
        BinaryPrimitives.WriteUInt32LittleEndian(request[12..], 0x1 | 0x2 | 0x4 | 0x8 | 0x10);
        var found = new List<UnixSocketInfo>();
        Dump(request, message => found.Add(ReadUnix(message)));
        return found;
    }

    public static List<InternetSocketInfo> InternetSockets(int family, int protocol)
    {
        // struct inet_diag_req_v2: all states, any address. Whether there are keys is told with INET_DIAG_INFO only.
        Span<byte> request = stackalloc byte[InternetRequestSize];
        request.Clear();
        request[0] = (byte)family;
        request[1] = (byte)protocol;
        request[2] = 1 << INET_DIAG_SHUTDOWN - 1 | 1 << INET_DIAG_INFO - 1;
        BinaryPrimitives.WriteUInt32LittleEndian(request[4..], uint.MaxValue);
        var found = new List<InternetSocketInfo>();
        Dump(request, message => found.Add(ReadInternet(message)));
        return found;
    }

    public static List<PacketSocketInfo> PacketSockets()
    {
        // struct packet_diag_req: info, memberships, rings, fanout.
        Span<byte> request = stackalloc byte[20];
        request.Clear();
        request[0] = AddressFamily.AF_PACKET;
        BinaryPrimitives.WriteUInt32LittleEndian(request[8..], 0x1 | 0x2 | 0x4 | 0x8);
        var found = new List<PacketSocketInfo>();
        Dump(request, message => found.Add(ReadPacket(message)));
        return found;
    }

    /// <summary>Ends a connection that no process holds (a remainder in TIME_WAIT, say).</summary>
    /// <returns>Zero, or minus errno.</returns>
    public static long TryDestroy(InternetSocketInfo socket, int protocol)
    {
        Span<byte> request = stackalloc byte[InternetRequestSize];
        request.Clear();
        request[0] = (byte)socket.Family;
        request[1] = (byte)protocol;
        BinaryPrimitives.WriteUInt32LittleEndian(request[4..], uint.MaxValue);
        BinaryPrimitives.WriteUInt16BigEndian(request[8..], (ushort)socket.LocalPort);
        BinaryPrimitives.WriteUInt16BigEndian(request[10..], (ushort)socket.RemotePort);
        socket.Local.CopyTo(request[12..]);
        socket.Remote.CopyTo(request[28..]);
        BinaryPrimitives.WriteInt32LittleEndian(request[44..], socket.Interface);
        BinaryPrimitives.WriteUInt64LittleEndian(request[48..], socket.Cookie);
        using Descriptor link = Open();
        return Exchange(link, SOCK_DESTROY, NLM_F_REQUEST | NLM_F_ACK, request, _ => { });
    }

    private static UnixSocketInfo ReadUnix(ReadOnlySpan<byte> message)
    {
        uint peer = 0, read = 0, write = 0, file = 0;
        int shutdown = 0;
        byte[] name = [];
        List<uint> waiting = [];
        foreach ((int type, byte[] value) in Attributes(message[16..]))
        {
            switch (type)
            {
                case 0: name = value; break;
                case 1: file = BinaryPrimitives.ReadUInt32LittleEndian(value); break;
                case 2: peer = BinaryPrimitives.ReadUInt32LittleEndian(value); break;
                case 3:
                    for (int i = 0; i + 4 <= value.Length; i += 4)
                        waiting.Add(BinaryPrimitives.ReadUInt32LittleEndian(value.AsSpan(i)));
                    break;
                case 4:
                    read = BinaryPrimitives.ReadUInt32LittleEndian(value);
                    write = BinaryPrimitives.ReadUInt32LittleEndian(value.AsSpan(4));
                    break;
                case 6: shutdown = value[0]; break;
            }
        }
        return new UnixSocketInfo(
            BinaryPrimitives.ReadUInt32LittleEndian(message[4..]), message[1], message[2], peer, waiting, read, write, shutdown, file, name);
    }

    private static InternetSocketInfo ReadInternet(ReadOnlySpan<byte> message)
    {
        // struct inet_diag_msg: family, state, timer, retransmissions, then struct inet_diag_sockid.
        int size = message[0] == AddressFamily.AF_INET ? 4 : 16;
        int shutdown = 0;
        bool signed = false;
        foreach ((int type, byte[] value) in Attributes(message[InternetMessageSize..]))
        {
            signed |= type == INET_DIAG_MD5SIG;
            if (type == INET_DIAG_SHUTDOWN)
                shutdown = value[0];
        }
        return new InternetSocketInfo(
            message[0], message[1],
            message.Slice(8, size).ToArray(), BinaryPrimitives.ReadUInt16BigEndian(message[4..]),
            message.Slice(24, size).ToArray(), BinaryPrimitives.ReadUInt16BigEndian(message[6..]),
            BinaryPrimitives.ReadInt32LittleEndian(message[40..]), BinaryPrimitives.ReadUInt64LittleEndian(message[44..]),
            BinaryPrimitives.ReadUInt32LittleEndian(message[56..]), BinaryPrimitives.ReadUInt32LittleEndian(message[60..]),
            BinaryPrimitives.ReadUInt32LittleEndian(message[64..]), BinaryPrimitives.ReadUInt32LittleEndian(message[68..]), shutdown, signed);
    }

    private static PacketSocketInfo ReadPacket(ReadOnlySpan<byte> message)
    {
        const int MembershipSize = 44;
        int index = 0;
        byte[]? receiveRing = null, sendRing = null;
        uint? fanout = null;
        List<byte[]> memberships = [];
        foreach ((int type, byte[] value) in Attributes(message[16..]))
        {
            switch (type)
            {
                case 0: index = BinaryPrimitives.ReadInt32LittleEndian(value); break;
                case 1:
                    for (int i = 0; i + MembershipSize <= value.Length; i += MembershipSize)
                        memberships.Add(value[i..(i + MembershipSize)]);
                    break;
                case 2: receiveRing = value; break;
                case 3: sendRing = value; break;
                case 4: fanout = BinaryPrimitives.ReadUInt32LittleEndian(value); break;
            }
        }
        return new PacketSocketInfo(
            BinaryPrimitives.ReadUInt32LittleEndian(message[4..]), message[1], BinaryPrimitives.ReadUInt16LittleEndian(message[2..]), index, receiveRing, sendRing, fanout, memberships);
    }

    private static List<(int Type, byte[] Value)> Attributes(ReadOnlySpan<byte> data)
    {
        var found = new List<(int, byte[])>();
        while (data.Length >= 4)
        {
            int length = BinaryPrimitives.ReadUInt16LittleEndian(data);
            if (length < 4 || length > data.Length)
                break;
            // The two high bits are flags (nested, network order).
            found.Add((BinaryPrimitives.ReadUInt16LittleEndian(data[2..]) & 0x3fff, data[4..length].ToArray()));
            data = data[Math.Min(data.Length, length + 3 & ~3)..];
        }
        return found;
    }

    private delegate void Reader(ReadOnlySpan<byte> message);

    private static Descriptor Open() =>
        SocketCalls.Create(AddressFamily.AF_NETLINK, SocketType.SOCK_RAW, NETLINK_SOCK_DIAG, "sock_diag");

    private static void Dump(ReadOnlySpan<byte> request, Reader read)
    {
        using Descriptor link = Open();
        long result = Exchange(link, SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP, request, read);
        // ENOENT: this kernel cannot list that family; then nothing is known of the others.
        if (result != -Errno.ENOENT)
            RawSyscall.Check(result, "sock_diag", "the kernel's sockets");
    }

    private static long Exchange(Descriptor link, ushort type, int flags, ReadOnlySpan<byte> request, Reader read)
    {
        byte[] message = new byte[HeaderSize + request.Length];
        BinaryPrimitives.WriteInt32LittleEndian(message, message.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(message.AsSpan(4), type);
        BinaryPrimitives.WriteUInt16LittleEndian(message.AsSpan(6), (ushort)flags);
        request.CopyTo(message.AsSpan(HeaderSize));
        fixed (byte* p = message)
            RawSyscall.Call(SyscallNumber.write, "sock_diag", link.Number, (nint)p, message.Length);
        byte[] buffer = new byte[64 * 1024];
        while (true)
        {
            int length;
            fixed (byte* p = buffer)
                length = (int)RawSyscall.Call(SyscallNumber.read, "sock_diag", link.Number, (nint)p, buffer.Length);
            for (int at = 0; at + HeaderSize <= length;)
            {
                int size = BinaryPrimitives.ReadInt32LittleEndian(buffer.AsSpan(at));
                ReadOnlySpan<byte> body = buffer.AsSpan(at + HeaderSize, size - HeaderSize);
                switch (BinaryPrimitives.ReadUInt16LittleEndian(buffer.AsSpan(at + 4)))
                {
                    case NLMSG_ERROR or NLMSG_DONE:
                        return body.Length >= 4 ? BinaryPrimitives.ReadInt32LittleEndian(body) : 0;
                    default:
                        read(body);
                        break;
                }
                at += size + 3 & ~3;
            }
        }
    }
}
