using ProcMigrate.Engine.Kinds.Sockets.Names;
using ProcMigrate.Engine.Save;
using ProcMigrate.Linux.Network;

namespace ProcMigrate.Engine.Kinds.Sockets;

/// <summary>Whether what a unix socket is connected to is kept too, judged when all of the tree is known.</summary>
internal sealed class UnixPeers(UnixSockets sockets, SaveContext context)
{
    public void Check(int objectId, int pid, int fd)
    {
        UnixSocketState state = UnixSocketKind.Parse(context.Objects[objectId]);
        if (state.Name is { } name && (state.State != SocketState.TCP_ESTABLISHED || state.Type == SocketType.SOCK_DGRAM)
            && HandedOver.Told(context, pid, fd, state.Inode, UnixName.Text(name)) is { } holder)
        {
            state = state with { HeldBy = holder };
            context.Objects.Replace(objectId, UnixSocketKind.ToJson(state));
        }
        if (state.State == SocketState.TCP_LISTEN)
            CheckWaiting(state, pid, fd);
        else if (state.Peer != 0 && !sockets.InTree.ContainsKey(state.Peer))
            CheckOutside(objectId, state, pid, fd);
        else if (state is { Peer: 0, State: SocketState.TCP_ESTABLISHED } && state.Type != SocketType.SOCK_DGRAM)
            CheckNotAccepted(state, pid, fd);
    }

    private void CheckOutside(int objectId, UnixSocketState state, int pid, int fd)
    {
        // Datagrams to a service (syslog) have no history: the name is all that counts. Of a path without a folder nobody knows where it begins.
        if (state.Type == SocketType.SOCK_DGRAM && state.PeerName is [0 or (byte)'/', ..])
        {
            context.Objects.Replace(objectId, UnixSocketKind.ToJson(state with { PeerOutside = true }));
            return;
        }
        string peer = UnixName.Text(state.PeerName ?? sockets.Find(state.Peer)?.Name);
        context.Block(new Blocker(
            "UnixPeerOutside", pid, fd, $"socket:[{state.Inode}] {UnixName.Text(state.Name)}, connected to {SocketOwners.Describe(state.Peer)}, {peer}",
            "the other end of this unix socket is not in the tree, and would be left with half a conversation",
            "save both in one go (procmigrate save PID PID), or let the program close the connection"));
    }

    private void CheckWaiting(UnixSocketState listener, int pid, int fd)
    {
        foreach (ulong waiting in listener.Waiting)
        {
            if (sockets.InTree.ContainsKey(waiting))
                continue;
            string who = waiting == 0 ? "a process that has closed it already" : SocketOwners.Describe(waiting);
            context.BlockForNow(new Blocker(
                "UnixPeerOutside", pid, fd, $"{UnixName.Text(listener.Name)}: a connection from {who}",
                "it has not been accepted yet, and its other end is not in the tree", "save again in a moment"));
        }
    }

    private void CheckNotAccepted(UnixSocketState state, int pid, int fd)
    {
        if (sockets.ListenerOf(state.Inode) is not { } listener)
            return;
        if (!sockets.InTree.ContainsKey(listener.Inode))
        {
            context.Block(new Blocker(
                "UnixPeerOutside", pid, fd, $"socket:[{state.Inode}], to be accepted by {SocketOwners.Describe(listener.Inode)}, {UnixName.Text(state.PeerName)}",
                "the other end of this unix socket is not in the tree", "let the program close the connection"));
        }
        else if (sockets.Find(state.Inode) is { WriteQueue: > 0 })
        {
            context.BlockForNow(new Blocker(
                "UnixBacklogData", pid, fd, $"socket:[{state.Inode}], to be accepted at {UnixName.Text(state.PeerName)}",
                "data has been sent over a connection that is not accepted yet; nobody but its acceptor can read it", "save again in a moment"));
        }
    }
}
