using System.Buffers.Binary;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Network;
using static ProcMigrate.Linux.Network.SocketOptions;
using static ProcMigrate.Linux.Network.TcpRepair;

namespace ProcMigrate.Engine.Kinds.Sockets;

/// <summary>
/// Makes a connection whose other end never noticed anything. All but the last step is done in repair mode: should the restore fail, the
/// socket is closed without a sound, and the image can be restored again.
/// </summary>
internal static class TcpReviver
{
    private const int SHUT_WR = 1;
    private const int TCPI_OPT_TIMESTAMPS = 1;
    private const int TCPI_OPT_SACK = 2;
    private const int TCPI_OPT_WSCALE = 4;
    private const int Piece = 16 * 1024;
    private const int Spare = 1 << 20;
    private const int EINPROGRESS = 115;

    /// <summary>The connection as it was, still in repair mode.</summary>
    public static Descriptor Revive(InternetSocketState state)
    {
        string title = InternetSockets.Title(state);
        Descriptor socket = SocketCalls.Create(state.Family, state.Type, state.Protocol, title);
        try
        {
            SetRepair(socket, TCP_REPAIR_ON, title);
            state.ApplyBeforeBind(socket, title);
            SetQueue(socket, TCP_SEND_QUEUE, title);
            SocketCalls.SetInt(socket, SOL_TCP, TCP_QUEUE_SEQ, (int)StreamOf(state).SendSequence, title);
            if (state.State == SocketState.TCP_SYN_SENT)
            {
                SocketCalls.Bind(socket, state.Local, title);
                return socket;
            }
            SetQueue(socket, TCP_RECV_QUEUE, title);
            SocketCalls.SetInt(socket, SOL_TCP, TCP_QUEUE_SEQ, (int)StreamOf(state).ReceiveSequence, title);
            SocketCalls.Bind(socket, state.Local, title);
            SocketCalls.Connect(socket, state.Remote!, title);
            SetAgreement(socket, StreamOf(state), title);
            Fill(socket, state, title);
            SetWindow(socket, state, title);
            Close(socket, state, title);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>The packets pass again: the connection goes on.</summary>
    public static void Release(Descriptor socket, InternetSocketState state)
    {
        string title = InternetSockets.Title(state);
        bool calling = state.State == SocketState.TCP_SYN_SENT;
        SetRepair(socket, calling ? TCP_REPAIR_OFF_NO_WP : TCP_REPAIR_OFF, title);
        if (state.Settings.IntOf(SOL_SOCKET, SO_REUSEADDR) is > 0)
            SocketCalls.SetInt(socket, SOL_SOCKET, SO_REUSEADDR, 1, title);
        if (calling)
            Call(socket, state, title);
        else if (StreamOf(state).NotSent > 0)
            SendRest(socket, state, title);
    }

    /// <summary>The SYN goes out once more, with the number that it had.</summary>
    private static void Call(Descriptor socket, InternetSocketState state, string title)
    {
        FileCalls.SetFlags(socket, state.Settings.Flags | OpenFlags.O_NONBLOCK);
        long result = SocketCalls.TryConnect(socket, state.Remote!);
        if (result != -EINPROGRESS)
            RawSyscall.Check(result, "connect", title);
        FileCalls.SetFlags(socket, state.Settings.Flags);
    }

    private static void SendRest(Descriptor socket, InternetSocketState state, string title)
    {
        TcpStream stream = StreamOf(state);
        SetRoom(socket, SO_SNDBUF, stream.SendQueue.Length, title);
        Send(socket, stream.SendQueue.AsSpan(stream.SendQueue.Length - stream.NotSent), title);
        state.Settings.RestoreBuffers(socket, title);
    }

    private static TcpStream StreamOf(InternetSocketState state) =>
        state.Stream is { } stream && state.Remote is not null && (uint)stream.NotSent <= (uint)stream.SendQueue.Length
            ? stream : throw Restore.RestoreContext.Damaged($"{InternetSockets.Title(state)} has no stream");

    private static void SetRepair(Descriptor socket, int value, string title) => SocketCalls.SetInt(socket, SOL_TCP, TCP_REPAIR, value, title);

    private static void SetQueue(Descriptor socket, int queue, string title) => SocketCalls.SetInt(socket, SOL_TCP, TCP_REPAIR_QUEUE, queue, title);

    /// <summary>struct tcp_repair_opt: code and value, for all that the two SYN agreed on.</summary>
    private static void SetAgreement(Descriptor socket, TcpStream stream, string title)
    {
        var options = new List<byte>();
        void Add(int code, int value)
        {
            options.AddRange(BitConverter.GetBytes(code));
            options.AddRange(BitConverter.GetBytes(value));
        }
        Add(TCPOPT_MSS, stream.SegmentSize);
        if ((stream.Options & TCPI_OPT_WSCALE) != 0)
            Add(TCPOPT_WINDOW, stream.SendScale | stream.ReceiveScale << 16);
        if ((stream.Options & TCPI_OPT_SACK) != 0)
            Add(TCPOPT_SACK_PERM, 0);
        if ((stream.Options & TCPI_OPT_TIMESTAMPS) != 0)
            Add(TCPOPT_TIMESTAMP, 0);
        SocketCalls.SetOption(socket, SOL_TCP, TCP_REPAIR_OPTIONS, options.ToArray(), title);
        ComputeSegmentSize(socket, title);
        if ((stream.Options & TCPI_OPT_TIMESTAMPS) != 0)
            SocketCalls.SetInt(socket, SOL_TCP, TCP_TIMESTAMP, (int)stream.Timestamp, title);
    }

    /// <summary>The kernel would go on with segments of 536 bytes, as before any agreement; a change of IP options makes it look again.</summary>
    private static void ComputeSegmentSize(Descriptor socket, string title)
    {
        const int IP_OPTIONS = 4, IPV6_HOPOPTS = 54;
        SocketCalls.SetOption(socket, SOL_IP, IP_OPTIONS, [], title);
        if (SocketCalls.GetInt(socket, SOL_SOCKET, SO_DOMAIN) == AddressFamily.AF_INET6)
            SocketCalls.SetOption(socket, SOL_IPV6, IPV6_HOPOPTS, [], title);
    }

    private static void Fill(Descriptor socket, InternetSocketState state, string title)
    {
        TcpStream stream = StreamOf(state);
        if (state.Queue.Length > 0)
            SetRoom(socket, SO_RCVBUF, state.Queue.Length, title);
        Send(socket, state.Queue, title);
        SetQueue(socket, TCP_SEND_QUEUE, title);
        int sent = stream.SendQueue.Length - stream.NotSent;
        if (sent > 0)
            SetRoom(socket, SO_SNDBUF, sent, title);
        // In repair mode: counted as sent, and not sent.
        Send(socket, stream.SendQueue.AsSpan(0, sent), title);
    }

    private static void SetRoom(Descriptor socket, int name, int bytes, string title) =>
        SocketOptionTable.SetBuffer(socket, name, BitConverter.GetBytes((int)Math.Min(4L * bytes + Spare, int.MaxValue)), title);

    private static void Send(Descriptor socket, ReadOnlySpan<byte> data, string title)
    {
        while (!data.IsEmpty)
        {
            long sent = RawSyscall.Check(SocketMessage.TrySend(socket, data[..Math.Min(data.Length, Piece)], [], [], null), "sendmsg", title);
            data = data[(int)sent..];
        }
    }

    /// <summary>struct tcp_repair_window.</summary>
    private static void SetWindow(Descriptor socket, InternetSocketState state, string title)
    {
        TcpStream stream = StreamOf(state);
        uint next = stream.ReceiveSequence + (uint)state.Queue.Length;
        byte[] window = new byte[20];
        // Whatever the other side says next of its window counts.
        BinaryPrimitives.WriteUInt32LittleEndian(window, next - 1);
        BinaryPrimitives.WriteUInt32LittleEndian(window.AsSpan(4), stream.SendWindow);
        // The largest ever seen, which only repair mode would have told. Too small a guess would make for small segments.
        BinaryPrimitives.WriteUInt32LittleEndian(window.AsSpan(8), Math.Max(stream.SendWindow, ushort.MaxValue));
        BinaryPrimitives.WriteUInt32LittleEndian(window.AsSpan(12), stream.ReceiveWindow);
        BinaryPrimitives.WriteUInt32LittleEndian(window.AsSpan(16), next);
        SocketCalls.SetOption(socket, SOL_TCP, TCP_REPAIR_WINDOW, window, title);
    }

    /// <summary>From ESTABLISHED to where it stood, by the same steps. In repair mode our FIN, too, is counted and not sent.</summary>
    private static void Close(Descriptor socket, InternetSocketState state, string title)
    {
        bool theirsFirst = state.State is SocketState.TCP_CLOSE_WAIT or SocketState.TCP_LAST_ACK;
        if (theirsFirst)
            Receive(socket, state, TcpSegment.Fin | TcpSegment.Ack, 0, SocketState.TCP_CLOSE_WAIT, title);
        if (TcpSnapshot.HasSentFin(state.State))
            SocketCalls.Shutdown(socket, SHUT_WR, title);
        if (state.State == SocketState.TCP_CLOSING)
            Receive(socket, state, TcpSegment.Fin | TcpSegment.Ack, 0, SocketState.TCP_CLOSING, title);
        else if (state.State == SocketState.TCP_FIN_WAIT2)
            Receive(socket, state, TcpSegment.Ack, 1, SocketState.TCP_FIN_WAIT2, title);
    }

    private static void Receive(Descriptor socket, InternetSocketState state, byte flags, uint acknowledging, int becomes, string title)
    {
        const int Looks = 100;
        TcpStream stream = StreamOf(state);
        ushort window = (ushort)Math.Min(stream.SendWindow >> stream.SendScale, ushort.MaxValue);
        TcpSegment.Send(
            TcpHold.Ends(state), stream.ReceiveSequence + (uint)state.Queue.Length, stream.SendSequence + acknowledging, window, flags);
        for (int look = 0; look < Looks; look++)
        {
            if (TcpInfo.Of(socket).State == becomes)
                return;
            Thread.Sleep(1);
        }
        throw new EngineException(
            "RestoreFailed", FailureClass.Failed,
            $"{title}: {SocketState.NameOf(TcpInfo.Of(socket).State)} does not become {SocketState.NameOf(becomes)}; a packet filter of this host may be in the way.");
    }
}
