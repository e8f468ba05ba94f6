using System.Buffers.Binary;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Network;
using static ProcMigrate.Linux.Network.SocketOptions;

namespace ProcMigrate.Engine.Kinds.Sockets;

/// <summary>Reads what only repair mode shows of connections whose program stands still.</summary>
internal static class TcpSnapshot
{
    // Room for what the other side has acknowledged of the first segment, which the kernel still keeps.
    private const int Slack = 128 * 1024;
    private const int Attempts = 200;
    private const int TCPI_OPT_TIMESTAMPS = 1;
    private const int TimestampOptionSize = 12;
    private const int InfoSize = 236;

    public static bool HasSentFin(int state) =>
        state is SocketState.TCP_FIN_WAIT1 or SocketState.TCP_FIN_WAIT2 or SocketState.TCP_CLOSING or SocketState.TCP_LAST_ACK;

    public static bool HasReceivedFin(int state) =>
        state is SocketState.TCP_CLOSE_WAIT or SocketState.TCP_CLOSING or SocketState.TCP_LAST_ACK;

    public static bool IsFinUnacknowledged(int state) =>
        state is SocketState.TCP_FIN_WAIT1 or SocketState.TCP_CLOSING or SocketState.TCP_LAST_ACK;

    /// <summary>Where a connection stands whose packets are held back, and what is there to be read.</summary>
    public static InternetSocketState Take(TcpQueueReader reader, Descriptor socket, InternetSocketState known)
    {
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            byte[] info = SocketCalls.TryGetOption(socket, SOL_TCP, TcpRepair.TCP_INFO, InfoSize) ?? [];
            if (info.Length < InfoSize)
                throw new LinuxException("getsockopt(TCP_INFO)", InternetSockets.Title(known), Errno.EINVAL);
            int state = info[0];
            if (state == SocketState.TCP_CLOSE)
                return known with { State = state, Queue = TcpSocketKind.ReadQueue(socket), Conversation = TcpSocketKind.HowItEnded(SocketCalls.Poll(socket)) };
            byte[] queue = TcpSocketKind.ReadQueue(socket);
            (uint received, _) = reader.Read(socket, TcpRepair.TCP_RECV_QUEUE, 0);
            int toSend = SocketCalls.BytesToSend(socket);
            int notSent = SocketCalls.BytesNotSent(socket);
            (uint written, byte[] content) = reader.Read(socket, TcpRepair.TCP_SEND_QUEUE, toSend == 0 ? 0 : toSend + Slack);
            // What was on its way through the kernel when the packets were stopped may still have come in.
            bool steady = state != SocketState.TCP_SYN_RECV && SocketCalls.BytesToRead(socket) == queue.Length && SocketCalls.BytesToSend(socket) == toSend
                && SocketCalls.BytesNotSent(socket) == notSent && TcpInfo.Of(socket).State == state
                && reader.Read(socket, TcpRepair.TCP_RECV_QUEUE, 0).Sequence == received;
            if (!steady)
                continue;
            int fin = IsFinUnacknowledged(state) ? 1 : 0;
            if (content.Length < toSend - fin)
                throw new LinuxException($"recvmsg(MSG_PEEK): {content.Length} of {toSend - fin} bytes to send", InternetSockets.Title(known), Errno.EIO);
            TcpStream stream = state == SocketState.TCP_SYN_SENT
                ? new TcpStream { SendSequence = written - 1 }
                : Describe(info, socket) with
                {
                    SendSequence = written - (uint)toSend,
                    SendQueue = content[^(toSend - fin)..],
                    // A FIN that nothing has been sent of either: all is sent anew with it.
                    NotSent = HasSentFin(state) ? 0 : notSent,
                    ReceiveSequence = received - (uint)queue.Length - (HasReceivedFin(state) ? 1u : 0),
                };
            if (state == SocketState.TCP_FIN_WAIT2)
                stream = stream with { SendSequence = stream.SendSequence - 1 };
            return known with { State = state, Queue = queue, Stream = stream, Conversation = TcpConversation.Outside };
        }
        throw new LinuxException($"the queues of a connection do not come to rest within {Attempts} looks", InternetSockets.Title(known), Errno.EAGAIN);
    }

    /// <summary>Both ends are in the tree, and something is between them: all that the receiver will have read in the end.</summary>
    public static byte[] ReceivedAtLast(TcpQueueReader reader, Descriptor sender, Descriptor receiver)
    {
        for (int attempt = 0; attempt < Attempts; attempt++)
        {
            byte[] queue = TcpSocketKind.ReadQueue(receiver);
            (uint received, _) = reader.Read(receiver, TcpRepair.TCP_RECV_QUEUE, 0);
            int toSend = SocketCalls.BytesToSend(sender);
            (uint written, byte[] content) = reader.Read(sender, TcpRepair.TCP_SEND_QUEUE, toSend == 0 ? 0 : toSend + Slack);
            if (SocketCalls.BytesToRead(receiver) != queue.Length || reader.Read(receiver, TcpRepair.TCP_RECV_QUEUE, 0).Sequence != received)
                continue;
            int underWay = (int)(written - received) - (HasSentFin(TcpInfo.Of(sender).State) ? 1 : 0);
            if (underWay > content.Length)
                continue;
            return underWay <= 0 ? queue : [.. queue, .. content[^underWay..]];
        }
        throw new LinuxException($"the queues of a connection do not come to rest within {Attempts} looks", $"descriptor {sender.Number}", Errno.EAGAIN);
    }

    /// <summary>The members of struct tcp_info that say what was agreed on.</summary>
    private static TcpStream Describe(ReadOnlySpan<byte> info, Descriptor socket)
    {
        bool timestamps = (info[5] & TCPI_OPT_TIMESTAMPS) != 0;
        return new TcpStream
        {
            SendSequence = 0,
            Options = info[5],
            SendScale = info[6] & 0xf,
            ReceiveScale = info[6] >> 4,
            SegmentSize = BinaryPrimitives.ReadInt32LittleEndian(info[16..]) + (timestamps ? TimestampOptionSize : 0),
            Timestamp = timestamps ? (uint)SocketCalls.GetInt(socket, SOL_TCP, TcpRepair.TCP_TIMESTAMP) : 0,
            SendWindow = BinaryPrimitives.ReadUInt32LittleEndian(info[228..]),
            ReceiveWindow = BinaryPrimitives.ReadUInt32LittleEndian(info[232..]),
        };
    }
}
