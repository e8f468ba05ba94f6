using ProcMigrate.Linux.Network;

namespace ProcMigrate.Engine.Kinds.Sockets;

/// <summary>A unix socket. Others refer to it by the inode that it had at the save.</summary>
internal sealed record UnixSocketState
{
    public required ulong Inode { get; init; }

    /// <summary>SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET.</summary>
    public required int Type { get; init; }

    /// <summary>TCP_ESTABLISHED, TCP_LISTEN or TCP_CLOSE.</summary>
    public required int State { get; init; }

    /// <summary>sun_path as it was bound, without the final zero; abstract names begin with one; null where it has no name.</summary>
    public byte[]? Name { get; init; }

    /// <summary>The file of its name; null for abstract names and none.</summary>
    public UnixSocketFile? File { get; init; }

    /// <summary>Inode of the peer; 0 where there is none, it is closed, or it waits for an accept.</summary>
    public ulong Peer { get; init; }

    /// <summary>The peer's name, null where there is no peer, empty where the peer has no name.</summary>
    public byte[]? PeerName { get; init; }

    /// <summary>A datagram socket's peer that is not in the tree; it is found again by its name.</summary>
    public bool PeerOutside { get; init; }

    /// <summary>Bit 0: nothing more is received; bit 1: nothing more is sent.</summary>
    public int Shutdown { get; init; }

    /// <summary>The other side went away with our data unread, and the program has not been told yet.</summary>
    public bool ResetPending { get; init; }

    public int Backlog { get; init; }

    /// <summary>Of a listening socket: inodes of those not accepted yet, in their order.</summary>
    public IReadOnlyList<ulong> Waiting { get; init; } = [];

    /// <summary>SO_PEERCRED; of a listening socket, who called listen().</summary>
    public PeerCredentials? PeerCredentials { get; init; }

    /// <summary>Who had it open outside the tree, and keeps its address: "systemd (process 1)".</summary>
    public string? HeldBy { get; init; }

    public required SocketSettings Settings { get; init; }

    public IReadOnlyList<UnixQueuedMessage> Queue { get; init; } = [];
}

/// <summary>The file of a bound socket.</summary>
/// <param name="Path">Where it is now; it may have been renamed since the bind.</param>
/// <param name="Deleted">No path leads to it any more; Path is its last.</param>
internal sealed record UnixSocketFile(string Path, bool Deleted, int Mode, uint Uid, uint Gid, ulong Inode);

/// <summary>A message, or a piece of a stream that descriptors came with, that nobody has received yet.</summary>
/// <param name="Objects">The open files in flight with it.</param>
/// <param name="From">The sender's name, null where it has none.</param>
/// <param name="Credentials">What the receiver will be told of the sender, where it asked for that.</param>
internal sealed record UnixQueuedMessage(byte[] Data, IReadOnlyList<int> Objects, byte[]? From, PeerCredentials? Credentials);
