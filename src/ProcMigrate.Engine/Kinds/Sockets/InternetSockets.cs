using ProcMigrate.Engine.Restore;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Network;
using static ProcMigrate.Linux.Network.SocketOptions;

namespace ProcMigrate.Engine.Kinds.Sockets;

/// <summary>
/// Makes all IP sockets of an image in an order in which none is in another's way: connections first, when nobody listens yet;
/// then all that only have a name; then those who listen, and those who wait there.
/// </summary>
internal sealed class InternetSockets : IDisposable
{
    private const int IPPROTO_TCP = 6;

    private static readonly string[] Kinds = ["tcp-socket", "datagram-socket"];

    private readonly Dictionary<int, InternetSocketState> _states;
    private readonly Dictionary<int, Descriptor> _sockets = [];
    private readonly HashSet<int> _taken = [];
    private readonly RestoreContext _context;

    public InternetSockets(RestoreContext context)
    {
        _context = context;
        _states = context.Tree.Objects.Where(o => Kinds.Contains(o.Kind)).ToDictionary(o => o.Id, Parse);
        try
        {
            var maker = new TcpMaker(context);
            TakeUpAgain(maker);
            MakeConnections(maker);
            List<int> named = Of(TcpConversation.None);
            foreach (int id in named)
                _sockets[id] = MakeNamed(_states[id], maker, SharesPort(id, named));
            foreach (int id in named)
            {
                if (_states[id].State == SocketState.TCP_LISTEN)
                    SocketCalls.Listen(_sockets[id], _states[id].Backlog, Title(_states[id]));
            }
            foreach (int id in Of(TcpConversation.Waiting))
            {
                InternetSocketState state = _states[id];
                maker.RemoveLeftovers(state);
                _sockets[id] = TcpMaker.Create(state);
                maker.BindForced(_sockets[id], state.Local, Title(state));
                SocketCalls.Connect(_sockets[id], state.Remote!, Title(state));
            }
            foreach ((int id, InternetSocketState state) in _states)
                state.Settings.ApplyAtEnd(_sockets[id], Title(state));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public static InternetSocketState Parse(ObjectRecord record) => RestoreContext.Parse(record, StateJson.Default.InternetSocketState);

    public static bool HasName(InternetSocketState state) => InternetAddress.Port(state.Local) != 0 || !InternetAddress.IsAny(state.Local);

    public static string Title(InternetSocketState state)
    {
        string protocol = state.Type == SocketType.SOCK_RAW ? $"raw socket, protocol {state.Protocol}" : state.Protocol switch
        {
            IPPROTO_TCP => "TCP",
            17 => "UDP",
            136 => "UDP-Lite",
            _ => "ping socket",
        };
        string to = state.Remote is null ? "" : $" to {InternetAddress.Text(state.Remote)}";
        return $"{protocol} {InternetAddress.Text(state.Local)}{to}";
    }

    public Descriptor Take(int objectId)
    {
        _taken.Add(objectId);
        return _sockets[objectId];
    }

    public void Dispose()
    {
        foreach ((int id, Descriptor socket) in _sockets)
        {
            if (!_taken.Contains(id))
                socket.Dispose();
        }
    }

    /// <summary>Ids of the sockets with such a conversation.</summary>
    private List<int> Of(TcpConversation conversation)
    {
        var ids = new List<int>();
        foreach ((int id, InternetSocketState state) in _states)
        {
            if (state.Conversation == conversation)
                ids.Add(id);
        }
        return ids;
    }

    /// <summary>Connections to the outside. Until the tree is about to run, nothing of them comes in or goes out.</summary>
    private void TakeUpAgain(TcpMaker maker)
    {
        List<int> outside = Of(TcpConversation.Outside);
        if (outside.Count == 0)
            return;
        TcpHold? hold = TcpHold.TryBegin(outside.ConvertAll(id => _states[id]), out string? why);
        if (hold is not null)
            _context.Shared(nameof(TcpHold), () => hold);
        else
            _context.Warnings.Add($"connections may be reset while they are restored: {why}");
        foreach (int id in outside)
        {
            maker.RemoveLeftovers(_states[id]);
            _sockets[id] = TcpReviver.Revive(_states[id]);
        }
        _context.BeforeRelease(() =>
        {
            hold?.End(_context.Tree.Id, _context.Options.Only.Count == 0);
            foreach (int id in outside)
                TcpReviver.Release(_sockets[id], _states[id]);
        });
    }

    private void MakeConnections(TcpMaker maker)
    {
        List<int> within = Of(TcpConversation.Within);
        foreach (int id in within)
        {
            if (_sockets.ContainsKey(id))
                continue;
            InternetSocketState state = _states[id];
            int peer = within.Find(other => _states[other].Inode == state.Peer);
            if (peer == 0 || _states[peer].Peer != state.Inode || peer == id)
                throw RestoreContext.Damaged($"{Title(state)} has no other end");
            (_sockets[id], _sockets[peer]) = maker.Within(state, _states[peer]);
        }
        foreach (int id in Of(TcpConversation.Abandoned))
            _sockets[id] = maker.Abandoned(_states[id]);
        foreach (int id in Of(TcpConversation.Ended))
            _sockets[id] = TcpMaker.Over(_states[id]);
        foreach (int id in Of(TcpConversation.Reset))
            _sockets[id] = TcpMaker.Over(_states[id]);
    }

    /// <summary>Unconnected, to listen later, or without connections at all.</summary>
    /// <summary>Several that listen at one port: SO_REUSEPORT may have been put off when all had their names.</summary>
    private bool SharesPort(int id, List<int> named) =>
        _states[id].State == SocketState.TCP_LISTEN
        && named.Exists(other => other != id && _states[other].State == SocketState.TCP_LISTEN
            && InternetAddress.Port(_states[other].Local) == InternetAddress.Port(_states[id].Local));

    private static Descriptor MakeNamed(InternetSocketState state, TcpMaker maker, bool sharesPort)
    {
        string title = Title(state);
        Descriptor socket = state.Protocol == IPPROTO_TCP && state.Type == SocketType.SOCK_STREAM
            ? TcpMaker.Create(state)
            : SocketCalls.Create(state.Family, state.Type, state.Protocol, title);
        try
        {
            state.ApplyBeforeBind(socket, title);
            if (state.Settings.IntOf(SOL_SOCKET, SO_REUSEADDR) is > 0)
                SocketCalls.SetInt(socket, SOL_SOCKET, SO_REUSEADDR, 1, title);
            if (sharesPort)
                SocketCalls.SetInt(socket, SOL_SOCKET, SO_REUSEPORT, 1, title);
            if (HasName(state))
                maker.Bind(socket, state);
            if (state.Remote is { } remote)
                SocketCalls.Connect(socket, remote, title);
            if (state.Shutdown != 0)
                SocketCalls.TryShutdown(socket, (state.Shutdown & 3) - 1);
            foreach (byte[] group in state.Memberships)
                MulticastGroups.Join(socket, state.Family, group, title);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
