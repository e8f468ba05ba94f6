using System.Buffers.Binary;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Linux.Network;

/// <summary>
/// A TCP segment without data that looks as if the other side had sent it: how a restored connection learns of a FIN that its
/// predecessor had seen. It is routed to this host, and never leaves it.
/// </summary>
public static unsafe class TcpSegment
{
    public const byte Fin = 0x01;
    public const byte Ack = 0x10;

    private const int IPPROTO_TCP = 6;
    private const int IPPROTO_RAW = 255;
    private const int SO_MARK = 36;
    private const int IPV6_HDRINCL = 36;
    private const int HeaderSize = 20;

    public static void Send(ConnectionEnds ends, uint sequence, uint acknowledged, ushort window, byte flags)
    {
        bool four = ends.Local.Length == 4;
        const string What = "a TCP segment";
        int family = four ? AddressFamily.AF_INET : AddressFamily.AF_INET6;
        using Descriptor socket = SocketCalls.Create(family, SocketType.SOCK_RAW, IPPROTO_RAW, What);
        SocketCalls.SetInt(socket, SocketOptions.SOL_SOCKET, SO_MARK, PacketFilter.PassMark, What);
        if (!four)
            SocketCalls.SetInt(socket, SocketOptions.SOL_IPV6, IPV6_HDRINCL, 1, What);
        byte[] segment = Segment(ends, sequence, acknowledged, window, flags);
        byte[] packet = [.. four ? Header4(ends) : Header6(ends), .. segment];
        // struct sockaddr_in, sockaddr_in6; raw sockets take no port.
        byte[] to = new byte[four ? 16 : 28];
        to[0] = (byte)family;
        ends.Local.CopyTo(to, four ? 4 : 8);
        fixed (byte* p = packet)
        fixed (byte* name = to)
            RawSyscall.Call(SyscallNumber.sendto, What, socket.Number, (nint)p, packet.Length, 0, (nint)name, to.Length);
    }

    private static byte[] Segment(ConnectionEnds ends, uint sequence, uint acknowledged, ushort window, byte flags)
    {
        byte[] segment = new byte[HeaderSize];
        BinaryPrimitives.WriteUInt16BigEndian(segment, (ushort)ends.RemotePort);
        BinaryPrimitives.WriteUInt16BigEndian(segment.AsSpan(2), (ushort)ends.LocalPort);
        BinaryPrimitives.WriteUInt32BigEndian(segment.AsSpan(4), sequence);
        BinaryPrimitives.WriteUInt32BigEndian(segment.AsSpan(8), acknowledged);
        segment[12] = HeaderSize / 4 << 4;
        segment[13] = flags;
        BinaryPrimitives.WriteUInt16BigEndian(segment.AsSpan(14), window);
        uint sum = IPPROTO_TCP + HeaderSize;
        foreach (byte[] part in new[] { ends.Remote, ends.Local, segment })
        {
            for (int i = 0; i < part.Length; i += 2)
                sum += BinaryPrimitives.ReadUInt16BigEndian(part.AsSpan(i));
        }
        sum = (sum & 0xffff) + (sum >> 16);
        sum = (sum & 0xffff) + (sum >> 16);
        BinaryPrimitives.WriteUInt16BigEndian(segment.AsSpan(16), (ushort)~sum);
        return segment;
    }

    /// <summary>The kernel fills in length, identification and checksum.</summary>
    private static byte[] Header4(ConnectionEnds ends)
    {
        byte[] header = new byte[20];
        header[0] = 0x45;
        header[8] = 64;
        header[9] = IPPROTO_TCP;
        ends.Remote.CopyTo(header, 12);
        ends.Local.CopyTo(header, 16);
        return header;
    }

    private static byte[] Header6(ConnectionEnds ends)
    {
        byte[] header = new byte[40];
        header[0] = 0x60;
        header[5] = HeaderSize;
        header[6] = IPPROTO_TCP;
        header[7] = 64;
        ends.Remote.CopyTo(header, 8);
        ends.Local.CopyTo(header, 24);
        return header;
    }
}
