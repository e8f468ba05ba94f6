using ProcMigrate.Linux.Network;

namespace ProcMigrate.Engine.Kinds.Sockets;

/// <summary>All unix sockets of this network namespace, listed once for a save; and those of the tree.</summary>
internal sealed class UnixSockets
{
    private readonly Dictionary<ulong, UnixSocketInfo> _byInode = [];

    public UnixSockets()
    {
        // Sockets on their way to an accept have no inode yet.
        foreach (UnixSocketInfo socket in SocketDiag.UnixSockets())
        {
            if (socket.Inode != 0)
                _byInode[socket.Inode] = socket;
        }
    }

    /// <summary>Those captured: object, and where a blocker can say it is.</summary>
    public Dictionary<ulong, (int ObjectId, int Pid, int Fd)> InTree { get; } = [];

    public UnixSocketInfo? Find(ulong inode) => _byInode.GetValueOrDefault(inode);

    /// <summary>The listening socket that this one waits at to be accepted.</summary>
    public UnixSocketInfo? ListenerOf(ulong waiting) => _byInode.Values.FirstOrDefault(s => s.Waiting.Contains((uint)waiting));
}
