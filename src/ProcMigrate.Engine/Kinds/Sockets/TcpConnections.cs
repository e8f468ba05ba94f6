using System.Net;
using ProcMigrate.Engine.Freeze;
using ProcMigrate.Engine.Kinds.Sockets.Names;
using ProcMigrate.Engine.Save;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Network;

namespace ProcMigrate.Engine.Kinds.Sockets;

/// <summary>The TCP sockets of the tree, and at the end, who is connected to whom.</summary>
internal sealed class TcpConnections
{
    private const int IPPROTO_TCP = 6;

    private sealed class Seen(int objectId, TracedProcess process, int fd, TcpInfo info, InternetSocketState state)
    {
        public int ObjectId => objectId;
        public TracedProcess Process => process;
        public int Fd => fd;
        public TcpInfo Info => info;

        /// <summary>As it will be in the image.</summary>
        public InternetSocketState State { get; set; } = state;
        public bool Changed { get; set; }
        public int Pid => Process.Pid;

        public Descriptor Take() => Process.PidFd.Take(Fd);
    }

    private readonly SaveContext _context;
    private readonly List<Seen> _seen = [];
    private readonly List<Seen> _outside = [];
    private readonly Lazy<List<InternetSocketInfo>> _host = new(() =>
        [.. SocketDiag.InternetSockets(AddressFamily.AF_INET, IPPROTO_TCP), .. SocketDiag.InternetSockets(AddressFamily.AF_INET6, IPPROTO_TCP)]);

    public TcpConnections(SaveContext context)
    {
        _context = context;
        context.AtEnd(Judge);
    }

    public void Add(int objectId, TracedProcess process, int fd, TcpInfo info) =>
        _seen.Add(new Seen(objectId, process, fd, info, InternetSockets.Parse(_context.Objects[objectId])));

    private void Judge()
    {
        var connected = new Dictionary<(IPEndPoint, IPEndPoint), Seen>();
        foreach (Seen seen in _seen)
        {
            if (seen.State is { Conversation: TcpConversation.Within, Remote: { } remote } state)
                connected[(InternetAddress.EndPoint(state.Local), InternetAddress.EndPoint(remote))] = seen;
        }
        foreach (Seen seen in _seen)
        {
            InternetSocketState state = WithRemote(seen.State);
            if (state.State == SocketState.TCP_LISTEN)
                JudgeBacklog(seen, state, connected);
            else if (state.Conversation == TcpConversation.Within)
                JudgeConnection(seen, state, connected);
        }
        // Nothing is touched for a save that will be refused.
        if (_outside.Count > 0 && _context.Blockers.Count == 0)
            TakeAlong();
        foreach (Seen seen in _seen)
        {
            if (InternetSockets.HasName(seen.State) && seen.State.Conversation is not (TcpConversation.Ended or TcpConversation.Reset)
                && HandedOver.Told(_context, seen.Pid, seen.Fd, seen.State.Inode, InternetAddress.Text(seen.State.Local)) is { } holder)
                Replace(seen, seen.State with { HeldBy = holder });
            if (seen.Changed)
                _context.Objects.Replace(seen.ObjectId, TcpSocketKind.ToJson(seen.State));
        }
    }

    /// <summary>Connections that go on after the restore: read while nothing comes in, which must not change any more before the program ends.</summary>
    private void TakeAlong()
    {
        using TcpQueueReader? reader = TcpQueueReader.TryCreate(out int errno);
        string? why = reader is null ? $"io_uring is not to be had ({Errno.Describe(errno)}); see /proc/sys/kernel/io_uring_disabled" : null;
        TcpHold? hold = reader is null ? null : TcpHold.TryBegin(_outside.ConvertAll(s => s.State), out why);
        if (hold is null)
        {
            _context.Block(new Blocker(
                "NetworkConnection", _outside[0].Pid, _outside[0].Fd, Describe(_outside[0].State), $"it cannot be taken along: {why}",
                "run it as root, on Linux 6.7 or later with nf_tables and io_uring; or give the connection up with --tcp close"));
            return;
        }
        _context.ConnectionHold = hold;
        // What had passed the filter before it was there is through with the kernel by then.
        Thread.Sleep(1);
        foreach (Seen seen in _outside)
        {
            using Descriptor socket = seen.Take();
            try
            {
                Replace(seen, TcpSnapshot.Take(reader!, socket, seen.State));
            }
            catch (LinuxException e)
            {
                _context.BlockForNow(new Blocker(
                    "NetworkConnection", seen.Pid, seen.Fd, Describe(seen.State), $"it cannot be read: {e.Message}",
                    "save again; as root, on Linux 6.7 or later; or give the connection up with --tcp close"));
            }
        }
    }

    private void JudgeConnection(Seen seen, InternetSocketState state, Dictionary<(IPEndPoint, IPEndPoint), Seen> connected)
    {
        if (state.Remote is { } to && connected.TryGetValue((InternetAddress.EndPoint(to), InternetAddress.EndPoint(state.Local)), out Seen? peer))
        {
            if (!TryTakeUnderWay(seen, peer))
                _context.BlockForNow(new Blocker(
                    "TcpUnsentData", seen.Pid, seen.Fd, Describe(state), "data that was sent has not reached the other end, and cannot be read on its way", "save again in a moment"));
            Replace(seen, state with { Peer = peer.State.Inode });
        }
        else if (WaitsWithin(state))
        {
            if (seen.Info.BytesSent > 0)
                _context.BlockForNow(new Blocker(
                    "TcpBacklogData", seen.Pid, seen.Fd, Describe(state), "data was sent over a connection that is not accepted yet; only its acceptor can read it", "save again in a moment"));
            Replace(seen, state with { Conversation = TcpConversation.Waiting });
        }
        else if (state.State is SocketState.TCP_CLOSE_WAIT or SocketState.TCP_LAST_ACK && IPAddress.IsLoopback(InternetAddress.EndPoint(state.Remote!).Address) && !IsHeld(state))
        {
            Replace(seen, state with { Conversation = TcpConversation.Abandoned });
        }
        else
        {
            JudgeOutside(seen, state);
        }
    }

    /// <summary>
    /// What is between two sockets of the tree has arrived when they are restored. The kernel goes on delivering while the programs stand
    /// still: what was seen of one socket need not be true any more when the other is looked at.
    /// </summary>
    private static bool TryTakeUnderWay(Seen sender, Seen receiver)
    {
        using Descriptor from = sender.Take();
        using Descriptor to = receiver.Take();
        TcpInfo sent = TcpInfo.Of(from);
        if (!IsUnderWay(sent, TcpInfo.Of(to)))
        {
            byte[] all = TcpSocketKind.ReadQueue(to);
            if (all.Length != receiver.State.Queue.Length)
                Replace(receiver, receiver.State with { Queue = all });
            return true;
        }
        using TcpQueueReader? reader = TcpQueueReader.TryCreate(out _);
        if (reader is null)
            return false;
        try
        {
            Replace(receiver, receiver.State with { Queue = TcpSnapshot.ReceivedAtLast(reader, from, to) });
            return true;
        }
        catch (LinuxException e) when (e.Errno is Errno.EPERM or Errno.EAGAIN or Errno.EOPNOTSUPP or Errno.EINVAL)
        {
            return false;
        }
    }

    private void JudgeOutside(Seen seen, InternetSocketState state)
    {
        switch (_context.Tcp)
        {
            case TcpPolicy.Close:
                Replace(seen, state with { Conversation = TcpConversation.Reset });
                break;
            case TcpPolicy.Migrate when _host.Value.Exists(s => s.Inode == state.Inode && s.Signed):
                _context.Block(new Blocker(
                    "TcpLayer", seen.Pid, seen.Fd, Describe(state), "its segments are signed (TCP_MD5SIG)", "turn that off, or give the connection up with --tcp close"));
                break;
            case TcpPolicy.Migrate:
                Replace(seen, state);
                _outside.Add(seen);
                break;
            default:
                _context.Block(new Blocker(
                    "NetworkConnection", seen.Pid, seen.Fd, Describe(state), "its other end is not in the tree, and would be left with half a conversation",
                    "take it along with --tcp migrate, give it up with --tcp close, let the program close it, or save both ends in one go"));
                break;
        }
    }

    /// <summary>Connections that nobody has accepted: the kernel's own so far, and lost unless their client is in the tree.</summary>
    private void JudgeBacklog(Seen seen, InternetSocketState listener, Dictionary<(IPEndPoint, IPEndPoint), Seen> connected)
    {
        bool migrate = _context.Tcp == TcpPolicy.Migrate;
        if ((seen.Info.Unacked == 0 && !migrate) || _context.Tcp == TcpPolicy.Close)
            return;
        int port = InternetAddress.Port(listener.Local);
        foreach (InternetSocketInfo waiting in _host.Value.Where(s => s.Inode == 0 && s.LocalPort == port && (s.State is SocketState.TCP_ESTABLISHED or SocketState.TCP_CLOSE_WAIT || (migrate && s.State == SocketState.TCP_SYN_RECV))))
        {
            IPEndPoint client = InternetAddress.EndPoint(waiting.Remote, waiting.RemotePort);
            if (connected.ContainsKey((client, InternetAddress.EndPoint(waiting.Local, waiting.LocalPort))))
                continue;
            // Nobody can put a connection with numbers of its own where it waits for accept(2); but most are accepted at once.
            _context.BlockForNow(new Blocker(
                "NetworkConnection", seen.Pid, seen.Fd, $"{InternetAddress.Text(listener.Local)}: a connection from {client}",
                "it has not been accepted yet, and its other end is not in the tree", "save again in a moment, or give it up with --tcp close"));
        }
    }

    /// <summary>A socket in SYN_SENT does not say whom it calls.</summary>
    private InternetSocketState WithRemote(InternetSocketState state)
    {
        if (state.State != SocketState.TCP_SYN_SENT || state.Remote is not null || _host.Value.Find(s => s.Inode == state.Inode) is not { } known)
            return state;
        byte[] remote = [.. state.Local];
        (remote[2], remote[3]) = ((byte)(known.RemotePort >> 8), (byte)known.RemotePort);
        known.Remote.CopyTo(remote, known.Remote.Length == 4 ? 4 : 8);
        return state with { Remote = remote };
    }

    /// <summary>A process of this host has the other end.</summary>
    private bool IsHeld(InternetSocketState state)
    {
        ConnectionEnds theirs = OtherWayRound(state);
        return _host.Value.Exists(s => s.Inode != 0 && TcpHold.Is(s, theirs));
    }

    private bool WaitsWithin(InternetSocketState state)
    {
        if (state.Remote is null)
            return false;
        ConnectionEnds theirs = OtherWayRound(state);
        return _host.Value.Exists(s => s.Inode == 0 && s.State is SocketState.TCP_ESTABLISHED or SocketState.TCP_SYN_RECV && TcpHold.Is(s, theirs))
            && _seen.Exists(s => s.Info.State == SocketState.TCP_LISTEN && InternetAddress.Port(s.State.Local) == theirs.LocalPort);
    }

    private static ConnectionEnds OtherWayRound(InternetSocketState state)
    {
        ConnectionEnds ends = TcpHold.Ends(state);
        return new ConnectionEnds(ends.Remote, ends.RemotePort, ends.Local, ends.LocalPort);
    }

    /// <summary>The received count has the FIN in it.</summary>
    private static bool IsUnderWay(TcpInfo sender, TcpInfo receiver) =>
        sender.NotSent > 0 || sender.BytesSent - sender.BytesResent > receiver.BytesReceived;

    private static void Replace(Seen seen, InternetSocketState state) => (seen.State, seen.Changed) = (state, true);

    private static string Describe(InternetSocketState state) =>
        $"TCP {InternetAddress.Text(state.Local)} to {InternetAddress.Text(state.Remote)}, {SocketState.NameOf(state.State)}";
}
