using System.Net;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Network;
using static ProcMigrate.Linux.Network.SocketOptions;

namespace ProcMigrate.Engine.Kinds.Sockets.Names;

/// <summary>
/// Ports for connections that are made again. The kernel gives the port of a client that has ended to the next one, with another server: then
/// bind(2) refuses it, although the two connections have nothing in common. A socket in repair mode (TCP_REPAIR, CAP_NET_ADMIN) gets any port:
/// it is in that mode for its bind only, and connect(2) sees to it that no connection comes to be twice.
/// </summary>
internal static class TcpPorts
{
    private const int IPPROTO_TCP = 6;
    private const int EADDRINUSE = 98;

    /// <summary>All TCP sockets here, as they were when they were first asked for.</summary>
    public static List<InternetSocketInfo> OfHost(RestoreContext context) => context.Shared("tcp sockets of the host", List);

    public static List<InternetSocketInfo> List() =>
        [.. SocketDiag.InternetSockets(AddressFamily.AF_INET, IPPROTO_TCP), .. SocketDiag.InternetSockets(AddressFamily.AF_INET6, IPPROTO_TCP)];

    /// <summary>Who would get a connection to the address.</summary>
    public static InternetSocketInfo? ListenerAt(List<InternetSocketInfo> host, byte[] address)
    {
        IPEndPoint end = InternetAddress.EndPoint(address);
        return host.Find(s => s.State == SocketState.TCP_LISTEN && s.LocalPort == end.Port && Covers(InternetAddress.EndPoint(s.Local, 0).Address, end.Address));
    }

    /// <summary>Whoever else has sockets of the port.</summary>
    /// <returns>Zero, or minus errno: EADDRINUSE without the right to repair mode.</returns>
    public static long TryBindForced(Descriptor socket, byte[] address)
    {
        if (TryRepair(socket, TcpRepair.TCP_REPAIR_ON) < 0)
            return -EADDRINUSE;
        long result = SocketCalls.TryBind(socket, address);
        EndRepair(socket);
        return result;
    }

    /// <summary>The same for one that is to listen for a moment; what it accepts is in repair mode, too.</summary>
    public static long TryListenForced(Descriptor socket, byte[] address, string title)
    {
        if (TryRepair(socket, TcpRepair.TCP_REPAIR_ON) < 0)
            return -EADDRINUSE;
        long result = SocketCalls.TryBind(socket, address);
        // listen(2) asks for the port once more; and from then on the mode cannot be left.
        if (result >= 0)
            SocketCalls.Listen(socket, 1, title);
        return result;
    }

    /// <summary>Without a sound. The kernel takes SO_REUSEADDR away with the mode, and others of the tree may want the same port.</summary>
    public static void EndRepair(Descriptor socket)
    {
        const string What = "the end of repair mode";
        RawSyscall.Check(TryRepair(socket, TcpRepair.TCP_REPAIR_OFF_NO_WP), "setsockopt", What);
        SocketCalls.SetInt(socket, SOL_SOCKET, SO_REUSEADDR, 1, What);
    }

    private static long TryRepair(Descriptor socket, int value) =>
        SocketCalls.TrySetOption(socket, SOL_TCP, TcpRepair.TCP_REPAIR, BitConverter.GetBytes(value));

    private static bool Covers(IPAddress listening, IPAddress address) =>
        listening.Equals(address) || listening.Equals(IPAddress.Any) || listening.Equals(IPAddress.IPv6Any);
}
