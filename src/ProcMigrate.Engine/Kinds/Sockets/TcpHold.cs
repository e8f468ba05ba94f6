using System.Net;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Network;

namespace ProcMigrate.Engine.Kinds.Sockets;

/// <summary>
/// Holds the packets of connections back while these are in no state to answer, or the kernel would send the other side a reset.
/// While a save or restore is at work, by a table that goes away by itself should we be killed. From the end of the program to its
/// restore, by a table named after the image. The program's end and that table cannot come about in one step; so the table holds for
/// seconds only, at first: killed before the program is, we leave it with a short disturbance, not with a dead connection.
/// </summary>
internal sealed class TcpHold : IDisposable
{
    private const int IPPROTO_TCP = 6;
    private const uint Interim = 10_000;

    private readonly PacketFilter _filter = new();
    private readonly List<ConnectionEnds> _connections;
    private string? _lasting;

    private TcpHold(List<ConnectionEnds> connections) => _connections = connections;

    /// <returns>Null, and why, where the kernel does not filter packets for us.</returns>
    public static TcpHold? TryBegin(List<InternetSocketState> states, out string? why)
    {
        TcpHold? hold = null;
        try
        {
            hold = new TcpHold(states.ConvertAll(Ends));
            string table = $"procmigrate_at_work_{Environment.ProcessId}";
            RawSyscall.Check(hold._filter.TryCreate(table, owned: true, hold._connections, null), "nf_tables", table);
            why = null;
            return hold;
        }
        catch (LinuxException e)
        {
            hold?.Dispose();
            why = $"packets cannot be held back: {e.Message}";
            return null;
        }
    }

    public static ConnectionEnds Ends(InternetSocketState state)
    {
        IPEndPoint local = InternetAddress.EndPoint(state.Local);
        IPEndPoint remote = InternetAddress.EndPoint(state.Remote!);
        return new ConnectionEnds(local.Address.GetAddressBytes(), local.Port, remote.Address.GetAddressBytes(), remote.Port);
    }

    public static string TableOf(Guid image) => $"procmigrate_{image:N}";

    /// <summary>The image is complete and the program about to be ended.</summary>
    public void BeginLasting(Guid image)
    {
        string table = TableOf(image);
        RawSyscall.Check(_filter.TryCreate(table, owned: false, _connections, Interim), "nf_tables", table);
        _lasting = table;
    }

    /// <summary>The program has been killed: the image is it now.</summary>
    public void MakeLasting() =>
        RawSyscall.Check(_filter.TryExtend(_lasting!, _connections, null), "nf_tables", _lasting!);

    /// <summary>What the kernel keeps of the connections of a dead program, to say goodbye with.</summary>
    public void RemoveRemainders(List<string> warnings)
    {
        foreach (int family in (int[])[AddressFamily.AF_INET, AddressFamily.AF_INET6])
        {
            foreach (InternetSocketInfo left in SocketDiag.InternetSockets(family, IPPROTO_TCP))
            {
                if (left.Inode != 0 || !_connections.Exists(c => Is(left, c)))
                    continue;
                long result = SocketDiag.TryDestroy(left, IPPROTO_TCP);
                if (result is < 0 and not -Errno.ENOENT)
                    warnings.Add($"the remainder of a connection of port {left.LocalPort} could not be removed: {Errno.Describe(-(int)result)}");
            }
        }
        warnings.Add(
            $"packets of {_connections.Count} TCP connections are held back until the restore; to give the connections up: nft delete table inet {_lasting}");
    }

    public static bool Is(InternetSocketInfo socket, ConnectionEnds ends) =>
        socket.LocalPort == ends.LocalPort && socket.RemotePort == ends.RemotePort
        && InternetAddress.EndPoint(socket.Local, 0).Address.Equals(new IPAddress(ends.Local))
        && InternetAddress.EndPoint(socket.Remote, 0).Address.Equals(new IPAddress(ends.Remote));

    /// <summary>The connections are alive again: what the save had left to hold them is taken away, and then this.</summary>
    public void End(Guid image, bool all)
    {
        string table = TableOf(image);
        long result = all ? _filter.TryDelete(table) : _filter.TryRelease(table, _connections);
        Dispose();
        if (result != -Errno.ENOENT)
            RawSyscall.Check(result, "nf_tables", table);
    }

    /// <summary>An image is overwritten: nobody will restore its connections.</summary>
    public static void Forget(Guid image)
    {
        const int EPROTONOSUPPORT = 93;
        try
        {
            using var filter = new PacketFilter();
            long result = filter.TryDelete(TableOf(image));
            // Most images have none; and who may not have one made cannot have left one.
            if (result is not (-Errno.ENOENT or -Errno.EPERM or -Errno.EOPNOTSUPP))
                RawSyscall.Check(result, "nf_tables", TableOf(image));
        }
        catch (LinuxException e) when (e.Errno == EPROTONOSUPPORT)
        {
            // A kernel without packet filters has no table either.
        }
    }

    public void Dispose() => _filter.Dispose();
}
