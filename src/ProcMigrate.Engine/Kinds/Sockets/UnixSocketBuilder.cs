using ProcMigrate.Engine.Kinds.Sockets.Names;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Engine.Restore.Rights;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Network;
using ProcMigrate.Linux.X64;
using static ProcMigrate.Linux.Network.SocketOptions;

namespace ProcMigrate.Engine.Kinds.Sockets;

/// <summary>
/// Makes all unix sockets of an image, since each depends on others. First the names, then the connections, each as it came
/// about: by socketpair, or through its listening socket where that gave it its name. Then the queues are filled by whoever
/// is at the other end, and only then follow the ends of conversations, and the options.
/// </summary>
internal sealed class UnixSocketBuilder : IDisposable
{
    // Whoever waits to be accepted must not make connect() wait for room.
    private const int AmpleBacklog = 4096;
    private const int BothDirections = 3;

    private sealed class Entry(int objectId, UnixSocketState state)
    {
        public int ObjectId => objectId;
        public UnixSocketState State { get; } = state;
        public string Text { get; } = $"unix socket {state.Inode} ({UnixName.Text(state.Name)})";
        public Descriptor? Socket { get; set; }

        /// <summary>The other end, where nobody in the tree holds it: it is closed when the queue is filled.</summary>
        public Descriptor? Stranger { get; set; }
        public bool Taken { get; set; }

        public bool IsConnection => State.State == SocketState.TCP_ESTABLISHED && State.Type != SocketType.SOCK_DGRAM;
    }

    private readonly Dictionary<ulong, Entry> _entries;
    private readonly RestoreContext _context;
    private readonly UnixBinder _binder;
    private bool _filled;

    public UnixSocketBuilder(RestoreContext context)
    {
        _context = context;
        _binder = new UnixBinder(context);
        _entries = context.Tree.Objects.Where(o => o.Kind == "unix-socket").Select(o => new Entry(o.Id, UnixSocketKind.Parse(o)))
            .ToDictionary(e => e.State.Inode);
        foreach (Entry entry in _entries.Values.Where(e => e.State.State == SocketState.TCP_LISTEN))
            Listen(entry);
        foreach (Entry entry in _entries.Values.Where(e => e is { IsConnection: true, State.Peer: not 0 }))
            ConnectWithin(entry);
        foreach (Entry listener in _entries.Values.Where(e => e.State.Waiting.Count > 0).ToList())
            ConnectWaiting(listener);
        foreach (Entry entry in _entries.Values.Where(e => e.IsConnection && e.Socket is null))
            MakeAbandoned(entry);
        MakeOthers();
    }

    /// <summary>Queues may hold descriptors of any kind, even of these sockets: so this comes when all of them can be had.</summary>
    public void FillQueues()
    {
        if (_filled)
            return;
        _filled = true;
        foreach (Entry entry in _entries.Values)
            Fill(entry);
        foreach (Entry entry in _entries.Values)
            End(entry);
        foreach (Entry entry in _entries.Values)
            entry.State.Settings.ApplyAtEnd(entry.Socket!, entry.Text);
    }

    public Descriptor Take(ulong inode)
    {
        Entry entry = _entries[inode];
        entry.Taken = true;
        return entry.Socket!;
    }

    public void Dispose()
    {
        foreach (Entry entry in _entries.Values)
        {
            entry.Stranger?.Dispose();
            if (!entry.Taken)
                entry.Socket?.Dispose();
        }
    }

    private static Descriptor New(Entry entry) => SocketCalls.Create(AddressFamily.AF_UNIX, entry.State.Type, 0, entry.Text);

    private void Listen(Entry entry)
    {
        entry.Socket = New(entry);
        _binder.Bind(entry.ObjectId, entry.Socket, entry.State);
        SocketCalls.Listen(entry.Socket, AmpleBacklog, entry.Text);
    }

    /// <summary>Both ends in the tree.</summary>
    private void ConnectWithin(Entry entry)
    {
        if (entry.Socket is not null)
            return;
        Entry peer = _entries.TryGetValue(entry.State.Peer, out Entry? found) && found.State.Peer == entry.State.Inode && found.Socket is null
            ? found
            : throw RestoreContext.Damaged($"{entry.Text} is connected to {entry.State.Peer}, which is not connected to it");
        if (ListenerNamed(entry) is { } ofEntry)
            (peer.Socket, entry.Socket) = ConnectThrough(ofEntry, peer);
        else if (ListenerNamed(peer) is { } ofPeer)
            (entry.Socket, peer.Socket) = ConnectThrough(ofPeer, entry);
        else
        {
            (entry.Socket, peer.Socket) = SocketCalls.CreatePair(entry.State.Type, entry.Text);
            BindConnected(entry);
            BindConnected(peer);
        }
    }

    private Entry? ListenerNamed(Entry entry) => entry.State.Name is not { } name ? null : _entries.Values.FirstOrDefault(
        e => e.State.State == SocketState.TCP_LISTEN && e.State.Type == entry.State.Type && e.State.Name.AsSpan().SequenceEqual(name)
            && e.State.File?.Inode == entry.State.File?.Inode);

    private (Descriptor Client, Descriptor Server) ConnectThrough(Entry listener, Entry client)
    {
        Descriptor near = New(client);
        _binder.Bind(client.ObjectId, near, client.State);
        ConnectTo(near, listener.Socket!, listener.State.File, client.Text);
        return (near, SocketCalls.Accept(listener.Socket!, client.Text));
    }

    /// <summary>By its name, or where that is a path, by its very file: right even if the file was renamed or deleted since.</summary>
    private static void ConnectTo(Descriptor socket, Descriptor named, UnixSocketFile? at, string what)
    {
        using Descriptor? file = BoundFile.Open(named, at);
        byte[] address = file is null ? SocketCalls.Name(named) : UnixName.Address(CString.Of($"/proc/self/fd/{file.Number}").AsSpan()[..^1]);
        SocketCalls.Connect(socket, address, what);
    }

    /// <summary>A connected socket that has a name although none of ours listens there: it bound it itself, or its listener is gone.</summary>
    private void BindConnected(Entry entry)
    {
        if (entry.State.Name is not { } name)
            return;
        if (!UnixName.IsAbstract(name))
        {
            _binder.Bind(entry.ObjectId, entry.Socket!, entry.State);
            return;
        }
        // Another connection accepted under the same name, or the next listener, holds it: then it stays without.
        long result = SocketCalls.TryBind(entry.Socket!, UnixName.Address(name));
        if (result < 0)
            _context.Warnings.Add($"{entry.Text} has lost its name, which is in use: {Errno.Describe((int)-result)}");
    }

    private void ConnectWaiting(Entry listener)
    {
        foreach (ulong inode in listener.State.Waiting)
        {
            if (!_entries.TryGetValue(inode, out Entry? client) || client.Socket is not null)
                throw RestoreContext.Damaged($"{listener.Text} has a waiting connection of {inode}, which there is not");
            client.Socket = New(client);
            _binder.Bind(client.ObjectId, client.Socket, client.State);
            ConnectTo(client.Socket, listener.Socket!, listener.State.File, client.Text);
        }
    }

    /// <summary>A connection whose other end is closed.</summary>
    private void MakeAbandoned(Entry entry)
    {
        (entry.Socket, entry.Stranger) = SocketCalls.CreatePair(entry.State.Type, entry.Text);
        BindConnected(entry);
        if (entry.State.PeerName is { Length: > 0 } peer)
            UnixBinder.BindAside(entry.Stranger, peer);
    }

    /// <summary>Datagram sockets, and those that are neither connected nor listening.</summary>
    private void MakeOthers()
    {
        List<Entry> others = [.. _entries.Values.Where(e => e.Socket is null)];
        foreach (Entry entry in others)
        {
            if (entry.Socket is null)
                MakeDatagram(entry);
        }
        foreach (Entry entry in others.Where(e => e.State is { Name: not null, Type: SocketType.SOCK_DGRAM } or { State: SocketState.TCP_CLOSE }))
        {
            if (entry.State.Name is not null)
                _binder.Bind(entry.ObjectId, entry.Socket!, entry.State);
        }
        foreach (Entry entry in others)
            ConnectDatagram(entry);
    }

    private void MakeDatagram(Entry entry)
    {
        // Who has a peer without a name can have got it by socketpair only.
        if (_entries.TryGetValue(entry.State.Peer, out Entry? peer) && peer.State.Name is null && peer.Socket is null && peer != entry)
            (entry.Socket, peer.Socket) = SocketCalls.CreatePair(entry.State.Type, entry.Text);
        else if (entry.State is { Peer: 0, PeerName.Length: 0, Type: SocketType.SOCK_DGRAM })
            (entry.Socket, entry.Stranger) = SocketCalls.CreatePair(entry.State.Type, entry.Text);
        else
            entry.Socket = New(entry);
    }

    private void ConnectDatagram(Entry entry)
    {
        if (entry.State.Type != SocketType.SOCK_DGRAM)
            return;
        if (entry.State.PeerOutside)
            ConnectOutside(entry);
        else if (_entries.TryGetValue(entry.State.Peer, out Entry? peer) && peer.State.Name is not null)
            ConnectTo(entry.Socket!, peer.Socket!, peer.State.File, entry.Text);
        else if (entry.State is { Peer: 0, PeerName: null } && SocketCalls.PeerName(entry.Socket!) is not null)
            Disconnect(entry);
        else if (entry.State is { Peer: 0, PeerName: { Length: > 0 } gone })
            ConnectToGone(entry, gone);
    }

    /// <summary>With the rights of who holds it: what the path leads to by now, its user may have chosen.</summary>
    private void ConnectOutside(Entry entry)
    {
        try
        {
            _context.Holders.Run(entry.ObjectId, () =>
            {
                SocketCalls.Connect(entry.Socket!, UnixName.Address(entry.State.PeerName), entry.Text);
                return true;
            });
        }
        catch (LinuxException e) when (HolderRights.IsRefusal(e) && _context.Holders.AreLess(entry.ObjectId))
        {
            throw new EngineException(
                "FileForbidden", FailureClass.Failed,
                $"The program's {entry.Text} is connected to {UnixName.Text(entry.State.PeerName)}, and {_context.Holders.Why(entry.ObjectId, e)}. Nothing was started. "
                + "Give that user the right to that socket, or put back what was there at the save.");
        }
    }

    private static void Disconnect(Entry entry) => SocketCalls.Connect(entry.Socket!, [0, 0], $"nobody, for {entry.Text}");

    /// <summary>The peer is closed, but its name is still what getpeername tells.</summary>
    private static void ConnectToGone(Entry entry, byte[] name)
    {
        entry.Stranger = New(entry);
        UnixBinder.BindAside(entry.Stranger, name);
        ConnectTo(entry.Socket!, entry.Stranger, null, entry.Text);
    }

    private void Fill(Entry entry)
    {
        if (entry.State.Queue.Count == 0)
            return;
        foreach (UnixQueuedMessage message in entry.State.Queue)
        {
            Descriptor sender = SenderOf(entry, message, out Descriptor? temporary);
            using (temporary)
                Send(sender, entry, message);
        }
    }

    private Descriptor SenderOf(Entry entry, UnixQueuedMessage message, out Descriptor? temporary)
    {
        temporary = null;
        if (entry.IsConnection)
            return entry.Stranger ?? _entries[entry.State.Peer].Socket!;
        if (message.From is { } from)
        {
            if (_entries.Values.FirstOrDefault(e => e.State.Type == SocketType.SOCK_DGRAM && e.State.Name.AsSpan().SequenceEqual(from)) is { } known)
                return known.Socket!;
        }
        else if (_entries.Values.FirstOrDefault(e => e.State.Peer == entry.State.Inode && e.State.Name is null) is { } unnamed)
        {
            return unnamed.Socket!;
        }
        if (message.From is null && entry.Stranger is { } stranger)
            return stranger;
        temporary = New(entry);
        if (message.From is { } gone)
            UnixBinder.BindAside(temporary, gone);
        return temporary;
    }

    private static void Send(Descriptor sender, Entry to, UnixQueuedMessage message, ReadOnlySpan<int> files)
    {
        byte[] address = [];
        Descriptor? file = null;
        if (to.State is { Type: SocketType.SOCK_DGRAM, Name: not null })
        {
            file = BoundFile.Open(to.Socket!, to.State.File);
            address = file is null ? SocketCalls.Name(to.Socket!) : UnixName.Address(CString.Of($"/proc/self/fd/{file.Number}").AsSpan()[..^1]);
        }
        using (file)
            SendAll(sender, to, message, address, files);
    }

    private void Send(Descriptor sender, Entry to, UnixQueuedMessage message)
    {
        int[] files = [.. message.Objects.Select(id => _context.OpenFiles.Get(id).Number)];
        // The sender's own limit may be lower than what others sent; it is set right with its other options.
        SocketOptionTable.SetBuffer(sender, SO_SNDBUF, BitConverter.GetBytes(Math.Max(4 * message.Data.Length, 1 << 20) * 2), to.Text);
        Send(sender, to, message, files);
    }

    private static void SendAll(Descriptor sender, Entry to, UnixQueuedMessage message, byte[] address, ReadOnlySpan<int> files)
    {
        PeerCredentials? credentials = message.Credentials;
        int done = 0;
        do
        {
            long sent = SocketMessage.TrySend(sender, message.Data.AsSpan(done), address, files, credentials);
            if (sent == -Errno.ESRCH && credentials is { } dead)
            {
                // Only a living process can be named; who has ended is replaced by us, with the ids kept.
                credentials = dead with { Pid = Environment.ProcessId };
                continue;
            }
            done += (int)RawSyscall.Check(sent, "sendmsg", $"what waits in {to.Text}");
            files = [];
        }
        while (done < message.Data.Length);
    }

    /// <summary>Half-closed, closed by the other side, or reset by it.</summary>
    private static void End(Entry entry)
    {
        if (entry is { Stranger: { } stranger, State.ResetPending: true })
            RawSyscall.Check(SocketMessage.TrySend(entry.Socket!, [0], [], [], null), "sendmsg", $"the reset of {entry.Text}");
        entry.Stranger?.Dispose();
        entry.Stranger = null;
        int missing = entry.State.Shutdown & BothDirections;
        if (missing != 0)
            SocketCalls.Shutdown(entry.Socket!, missing - 1, entry.Text);
        if (entry.State.State == SocketState.TCP_LISTEN)
            SocketCalls.Listen(entry.Socket!, entry.State.Backlog, entry.Text);
    }
}
