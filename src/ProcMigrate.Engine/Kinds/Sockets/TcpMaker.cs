using System.Net;
using System.Runtime.InteropServices;
using ProcMigrate.Engine.Kinds.Sockets.Names;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Network;
using static ProcMigrate.Linux.Network.SocketOptions;

namespace ProcMigrate.Engine.Kinds.Sockets;

/// <summary>
/// Makes TCP connections as they were, the ordinary way: one side listens for a moment at its old address, the other connects
/// from its own; what was received and not read is sent once more. So the kernel negotiates all that a connection consists of by
/// itself, and no repair mode is needed where both ends are ours.
/// </summary>
internal sealed class TcpMaker(RestoreContext context)
{
    private const int IPPROTO_TCP = 6;
    private const int SHUT_WR = 1;
    private const int EADDRINUSE = 98;
    private const int Attempts = 50;
    private const int AttemptsUnforced = 5;
    private const int LargestHead = 1 << 20;

    private readonly Lazy<List<InternetSocketInfo>> _leftovers = new(() =>
        TcpPorts.List().FindAll(s => s.Inode == 0));

    public static Descriptor Create(InternetSocketState state)
    {
        Descriptor socket = SocketCalls.Create(state.Family, state.Type, state.Protocol, InternetSockets.Title(state));
        // Several sockets of one port, and what is left of the old ones: set right with the other options.
        SocketCalls.SetInt(socket, SOL_SOCKET, SO_REUSEADDR, 1, InternetSockets.Title(state));
        return socket;
    }

    public (Descriptor First, Descriptor Second) Within(InternetSocketState first, InternetSocketState second)
    {
        RemoveLeftovers(first);
        RemoveLeftovers(second);
        (Descriptor near, Descriptor far) = Connect(first, second);
        Send(near, far, second);
        Send(far, near, first);
        foreach ((Descriptor socket, InternetSocketState state) in new[] { (near, first), (far, second) })
        {
            if (HasSaidGoodbye(state))
                SocketCalls.Shutdown(socket, SHUT_WR, InternetSockets.Title(state));
        }
        return (near, far);
    }

    /// <summary>The other side has closed and is gone; what it sent last is still there.</summary>
    public Descriptor Abandoned(InternetSocketState state)
    {
        RemoveLeftovers(state);
        InternetSocketState stranger = state with { Local = state.Remote!, Remote = state.Local, Queue = [], Settings = state.Settings with { Options = [] } };
        (Descriptor near, Descriptor far) = Connect(state, stranger);
        using (far)
            Send(far, near, state);
        if (HasSaidGoodbye(state))
            SocketCalls.Shutdown(near, SHUT_WR, InternetSockets.Title(state));
        return near;
    }

    /// <summary>A connection that is over: its addresses are free for others, so any will do for the moment that it lives.</summary>
    public static Descriptor Over(InternetSocketState state)
    {
        byte[] loopback = InternetAddress.Loopback(state.Family);
        string title = InternetSockets.Title(state);
        using Descriptor listener = SocketCalls.Create(state.Family, state.Type, state.Protocol, title);
        SocketCalls.Bind(listener, loopback, title);
        SocketCalls.Listen(listener, 1, title);
        Descriptor socket = SocketCalls.Create(state.Family, state.Type, state.Protocol, title);
        try
        {
            SocketCalls.Connect(socket, SocketCalls.Name(listener), title);
            using Descriptor far = SocketCalls.Accept(listener, title);
            Send(far, socket, state);
            if (state.Conversation == TcpConversation.Reset)
            {
                // Lingering for no time means: break it off (tcp(7)).
                SocketCalls.SetOption(far, SOL_SOCKET, SO_LINGER, MemoryMarshal.AsBytes<int>([1, 0]), title);
                return socket;
            }
            SocketCalls.Shutdown(far, SHUT_WR, title);
            SocketCalls.Shutdown(socket, SHUT_WR, title);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static bool HasSaidGoodbye(InternetSocketState state) =>
        state.State is SocketState.TCP_FIN_WAIT1 or SocketState.TCP_FIN_WAIT2 or SocketState.TCP_CLOSING or SocketState.TCP_LAST_ACK;

    /// <returns>The sockets in the order of the states. Which of them listens for that moment is nothing that lasts.</returns>
    private (Descriptor First, Descriptor Second) Connect(InternetSocketState first, InternetSocketState second)
    {
        List<InternetSocketInfo> host = TcpPorts.OfHost(context);
        if (TcpPorts.ListenerAt(host, second.Local) is null)
            return ConnectTo(first, second);
        (Descriptor client, Descriptor server) = ConnectTo(second, first);
        return (server, client);
    }

    private (Descriptor Client, Descriptor Server) ConnectTo(InternetSocketState client, InternetSocketState server)
    {
        string title = InternetSockets.Title(client);
        using Descriptor listener = Create(server);
        server.Settings.ApplyBeforeBind(listener, title);
        bool forced = Listen(listener, server.Local, title);
        Descriptor near = Create(client);
        try
        {
            client.Settings.ApplyBeforeBind(near, title);
            BindForced(near, client.Local, title);
            SocketCalls.Connect(near, client.Remote!, title);
            Descriptor far = AcceptFrom(listener, client, title);
            if (forced)
                TcpPorts.EndRepair(far);
            return (near, far);
        }
        catch
        {
            near.Dispose();
            throw;
        }
    }

    /// <returns>Whether what is accepted has to be led out of repair mode.</returns>
    private bool Listen(Descriptor listener, byte[] address, string title)
    {
        long result = TryBindPatiently(listener, address, title, AttemptsUnforced);
        if (result == -EADDRINUSE && TcpPorts.ListenerAt(TcpPorts.List(), address) is null && TcpPorts.TryListenForced(listener, address, title) >= 0)
            return true;
        RawSyscall.Check(result, "bind", title);
        SocketCalls.Listen(listener, 1, title);
        return false;
    }

    /// <summary>For a socket that is to connect: a port is enough that others have for other connections.</summary>
    public void BindForced(Descriptor socket, byte[] address, string title)
    {
        long result = TryBindPatiently(socket, address, title, AttemptsUnforced);
        if (result == -EADDRINUSE)
            result = TcpPorts.TryBindForced(socket, address);
        RawSyscall.Check(result, "bind", title);
    }

    /// <summary>Whoever else comes in this moment finds the server not up yet.</summary>
    private static Descriptor AcceptFrom(Descriptor listener, InternetSocketState client, string title)
    {
        IPEndPoint expected = InternetAddress.EndPoint(client.Local);
        while (true)
        {
            Descriptor accepted = SocketCalls.Accept(listener, title);
            if (SocketCalls.PeerName(accepted) is { } who && InternetAddress.EndPoint(who).Equals(expected))
                return accepted;
            accepted.Dispose();
        }
    }

    /// <summary>Gives a socket its name.</summary>
    public void Bind(Descriptor socket, InternetSocketState state)
    {
        string title = InternetSockets.Title(state);
        if (state.Protocol == IPPROTO_TCP)
            BindPatiently(socket, state.Local, title);
        else
            RawSyscall.Check(SocketCalls.TryBind(socket, state.Local), "bind", title);
    }

    private void Remove(InternetSocketInfo left, string title)
    {
        long result = SocketDiag.TryDestroy(left, IPPROTO_TCP);
        if (result is < 0 and not -Errno.ENOENT)
            context.Warnings.Add($"the remainder of {title} could not be removed: {Errno.Describe(-(int)result)}");
    }

    /// <summary>
    /// What ended programs have left of connections of the same port (TIME_WAIT) is removed; and a dying program's own socket may
    /// hold its port for an instant longer than the program its pid.
    /// </summary>
    private void BindPatiently(Descriptor socket, byte[] address, string title) =>
        RawSyscall.Check(TryBindPatiently(socket, address, title, Attempts), "bind", title);

    private long TryBindPatiently(Descriptor socket, byte[] address, string title, int attempts)
    {
        long result = SocketCalls.TryBind(socket, address);
        for (int i = 0; i < attempts && result == -EADDRINUSE; i++)
        {
            if (i > 0)
                Thread.Sleep(10);
            RemoveTimeWaits(InternetAddress.Port(address), title);
            result = SocketCalls.TryBind(socket, address);
        }
        return result;
    }

    /// <summary>SO_REUSEADDR of our socket does not get it past one whose program had not set SO_REUSEADDR.</summary>
    private void RemoveTimeWaits(int port, string title)
    {
        foreach (int family in (int[])[AddressFamily.AF_INET, AddressFamily.AF_INET6])
        {
            foreach (InternetSocketInfo left in SocketDiag.InternetSockets(family, IPPROTO_TCP))
            {
                if (left.LocalPort == port && left.State == SocketState.TCP_TIME_WAIT)
                    Remove(left, title);
            }
        }
    }

    /// <summary>The old connection's own remainder, held by no process (TIME_WAIT), would refuse the new one for a minute.</summary>
    public void RemoveLeftovers(InternetSocketState state)
    {
        ConnectionEnds ends = TcpHold.Ends(state);
        foreach (InternetSocketInfo left in _leftovers.Value)
        {
            if (TcpHold.Is(left, ends))
                Remove(left, InternetSockets.Title(state));
        }
    }

    private static void Send(Descriptor sender, Descriptor receiver, InternetSocketState to)
    {
        if (to.Queue.Length == 0)
            return;
        string title = $"what {InternetSockets.Title(to)} has received";
        // All at once, so that nobody has to read meanwhile; both sizes are set right with the other options.
        byte[] room = BitConverter.GetBytes((int)Math.Min(4L * to.Queue.Length + LargestHead, int.MaxValue));
        SocketOptionTable.SetBuffer(sender, SO_SNDBUF, room, title);
        SocketOptionTable.SetBuffer(receiver, SO_RCVBUF, room, title);
        int done = 0;
        while (done < to.Queue.Length)
            done += (int)RawSyscall.Check(SocketMessage.TrySend(sender, to.Queue.AsSpan(done), [], [], null), "sendmsg", title);
    }
}
