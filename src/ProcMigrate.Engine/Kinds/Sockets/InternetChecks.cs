using ProcMigrate.Engine.Kinds.Sockets.Names;
using ProcMigrate.Engine.Kinds.Sockets.Options;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Network;
using static ProcMigrate.Linux.Network.SocketOptions;

namespace ProcMigrate.Engine.Kinds.Sockets;

/// <summary>Whether an IP socket's address can be had here: tried with a socket of our own, which is closed again.</summary>
internal sealed class InternetChecks(InternetSocketState state, RestoreContext context)
{
    private const int IPPROTO_TCP = 6;

    /// <summary>Whether a socket of this host has an address that the host does not have: bound with IP_FREEBIND, or taken away since.</summary>
    public static bool IsForeign(Descriptor socket)
    {
        byte[] address = SocketCalls.Name(socket);
        if (address.Length < 16 || InternetAddress.IsAny(address))
            return false;
        (address[2], address[3]) = (0, 0);
        const string What = "an address";
        using Descriptor attempt = SocketCalls.Create(address[0], SocketType.SOCK_DGRAM, 0, What);
        return SocketCalls.TryBind(attempt, address) == -EADDRNOTAVAIL;
    }

    public void Report()
    {
        if (state.Conversation is TcpConversation.Reset or TcpConversation.Ended)
            return;
        string what = $"{InternetSockets.Title(state)}";
        if (!SocketOptionChecks.Report(context, new SocketSort(state.Family, state.Type, state.Protocol), state.Settings, what))
            return;
        try
        {
            using Descriptor socket = SocketCalls.Create(state.Family, state.Type, state.Protocol, what);
            state.ApplyBeforeBind(socket, what);
            // What is left of earlier connections (TIME_WAIT) does not keep a port from us.
            if (state.Protocol == IPPROTO_TCP)
                SocketCalls.SetInt(socket, SOL_SOCKET, SO_REUSEADDR, 1, what);
            ReportGroups(socket);
            if (state.Conversation == TcpConversation.Outside)
                ReportConnection(socket);
            else if (state.Conversation is TcpConversation.Within or TcpConversation.Waiting or TcpConversation.Abandoned)
                ReportWithin(socket);
            else if (InternetSockets.HasName(state))
                ReportBind(SocketCalls.TryBind(socket, state.Local));
        }
        catch (LinuxException e)
        {
            context.Block(new Blocker("SocketRefused", null, null, what, $"this host does not make such a socket: {e.Message}", "restore as root, on a host with the same devices and protocols"));
        }
    }

    private void ReportGroups(Descriptor socket)
    {
        foreach (byte[] group in state.Memberships)
        {
            int index = MulticastGroups.InterfaceOf(group);
            if (index != 0 && !SocketOptionChecks.IsInterface(socket, index))
            {
                Block(new Blocker(
                    "SocketRefused", null, null, InternetSockets.Title(state), $"it has joined a multicast group at interface {index}, and this host has none of that number",
                    "restore on a host with the same interfaces"));
            }
        }
    }

    /// <summary>Its address, with any port, and that nobody else has the same connection; what is left of its own is removed later.</summary>
    private void ReportConnection(Descriptor socket)
    {
        SocketCalls.SetInt(socket, SOL_TCP, TcpRepair.TCP_REPAIR, TcpRepair.TCP_REPAIR_ON, InternetSockets.Title(state));
        ReportBind(SocketCalls.TryBind(socket, WithoutPort()));
        ReportTwice();
    }

    /// <summary>
    /// Both ends are ours: nothing stands in the way but the very same connection of others, or those who listen at both addresses. One of the
    /// ends listens for the moment that the connection is made in.
    /// </summary>
    private void ReportWithin(Descriptor socket)
    {
        if (state.Remote is not { } remote)
            throw RestoreContext.Damaged($"{InternetSockets.Title(state)} has no other end");
        using (Descriptor anywhere = SocketCalls.Create(state.Family, state.Type, state.Protocol, InternetSockets.Title(state)))
        {
            state.ApplyBeforeBind(anywhere, InternetSockets.Title(state));
            long result = SocketCalls.TryBind(anywhere, WithoutPort());
            ReportBind(result);
            if (result < 0)
                return;
        }
        if (ReportTwice())
            return;
        List<InternetSocketInfo> host = TcpPorts.OfHost(context);
        InternetSocketInfo? listener = TcpPorts.ListenerAt(host, state.Local);
        if (state.Conversation != TcpConversation.Waiting && listener is not null && TcpPorts.ListenerAt(host, remote) is not null)
        {
            Block(InUse($"{SocketOwners.Describe(listener.Inode)}, which listens there"));
            return;
        }
        long taken = SocketCalls.TryBind(socket, state.Local);
        ReportBind(taken == -EADDRINUSE ? TcpPorts.TryBindForced(socket, state.Local) : taken);
    }

    private byte[] WithoutPort()
    {
        byte[] address = [.. state.Local];
        (address[2], address[3]) = (0, 0);
        return address;
    }

    /// <summary>A socket that is held: what is left of the old connection itself is removed later.</summary>
    private bool ReportTwice()
    {
        ConnectionEnds ends = TcpHold.Ends(state);
        if (TcpPorts.OfHost(context).Find(s => s.Inode != 0 && TcpHold.Is(s, ends)) is not { } other)
            return false;
        Block(new Blocker(
            "AddressInUse", null, null, InternetSockets.Title(state), $"{SocketOwners.Describe(other.Inode)} has this very connection{HandedOver.Why(state.HeldBy)}",
            HandedOver.Remedy(state.HeldBy, "end that program")));
        return true;
    }

    private Blocker InUse(string owner) => new(
        "AddressInUse", null, null, InternetSockets.Title(state), $"{InternetAddress.Text(state.Local)} is used by {owner}{HandedOver.Why(state.HeldBy)}",
        HandedOver.Remedy(state.HeldBy, "end that program, or restore on another host"));

    /// <summary>Several sockets of a program may share an address; it is told once.</summary>
    private void Block(Blocker blocker)
    {
        if (!context.Blockers.Contains(blocker))
            context.Block(blocker);
    }

    private void ReportBind(long result)
    {
        string address = InternetAddress.Text(state.Local);
        switch (-(int)result)
        {
            case 0:
                break;
            case EADDRINUSE when Owner() is { } owner:
                Block(InUse(owner));
                break;
            case EADDRINUSE:
                // Only what is left of ended programs (TIME_WAIT) has it; the restore removes that.
                break;
            case EADDRNOTAVAIL:
                Block(new Blocker("AddressMissing", null, null, InternetSockets.Title(state), $"this host does not have the address of {address}", "give the address to this host, or restore where it is"));
                break;
            default:
                Block(new Blocker("SocketRefused", null, null, InternetSockets.Title(state), Errno.Describe(-(int)result), "restore as root"));
                break;
        }
    }

    private const int EADDRINUSE = 98;
    private const int EADDRNOTAVAIL = 99;

    /// <summary>Who has the port, those who listen first; null where only remainders of TCP connections do.</summary>
    private string? Owner()
    {
        int port = InternetAddress.Port(state.Local);
        InternetSocketInfo? owner = null;
        bool remainder = false;
        foreach (int family in (int[])[AddressFamily.AF_INET, AddressFamily.AF_INET6])
        {
            foreach (InternetSocketInfo other in SocketDiag.InternetSockets(family, state.Protocol))
            {
                if (other.LocalPort != port)
                    continue;
                remainder |= other.Inode == 0;
                if (other.Inode != 0 && (owner is null || other.RemotePort < owner.RemotePort))
                    owner = other;
            }
        }
        return owner is not null ? SocketOwners.Describe(owner.Inode) : remainder && state.Protocol == IPPROTO_TCP ? null : "another socket";
    }
}
