using System.Buffers.Binary;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Network;

namespace ProcMigrate.Engine.Kinds.Sockets;

/// <summary>The members of struct tcp_info (linux/tcp.h) that matter here.</summary>
/// <param name="Unacked">Of a listening socket: connections that wait to be accepted.</param>
/// <param name="Sacked">Of a listening socket: its backlog.</param>
internal readonly record struct TcpInfo(
    int State, int Unacked, int Sacked, uint SegmentsIn, uint NotSent, ulong BytesReceived, ulong BytesSent, ulong BytesResent)
{
    private const int TCP_INFO = 11;
    private const int Size = 216;

    public static TcpInfo Of(Descriptor socket)
    {
        byte[]? info = SocketCalls.TryGetOption(socket, SocketOptions.SOL_TCP, TCP_INFO, Size);
        if (info is not { Length: Size })
            throw new LinuxException("getsockopt(TCP_INFO)", $"descriptor {socket.Number}", Errno.EINVAL);
        return new TcpInfo(
            info[0], BinaryPrimitives.ReadInt32LittleEndian(info.AsSpan(24)), BinaryPrimitives.ReadInt32LittleEndian(info.AsSpan(28)),
            BinaryPrimitives.ReadUInt32LittleEndian(info.AsSpan(140)), BinaryPrimitives.ReadUInt32LittleEndian(info.AsSpan(144)),
            BinaryPrimitives.ReadUInt64LittleEndian(info.AsSpan(128)), BinaryPrimitives.ReadUInt64LittleEndian(info.AsSpan(200)),
            BinaryPrimitives.ReadUInt64LittleEndian(info.AsSpan(208)));
    }
}
