using System.Text.Json.Serialization;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Network;

namespace ProcMigrate.Engine.Kinds.Sockets;

/// <summary>What a TCP socket's conversation is to be on restore.</summary>
internal enum TcpConversation
{
    /// <summary>None: it never was connected, or it listens.</summary>
    None,

    /// <summary>With another socket of the tree.</summary>
    Within,

    /// <summary>Its connection waits at a listening socket of the tree to be accepted.</summary>
    Waiting,

    /// <summary>The other side, on this very host, has closed its end and is gone.</summary>
    Abandoned,

    /// <summary>Over on both sides, which the program knows or will see when it reads.</summary>
    Ended,

    /// <summary>Broken off by the other side; also what --tcp close makes of those that lead outside.</summary>
    Reset,

    /// <summary>With somebody outside the tree, and to be taken up again as if nothing had been.</summary>
    Outside,
}

/// <summary>A TCP, UDP, UDP-Lite, raw or ping socket over IPv4 or IPv6. Addresses are sockaddr_in or sockaddr_in6 as they are.</summary>
internal sealed record InternetSocketState
{
    public required ulong Inode { get; init; }
    public required int Family { get; init; }
    public required int Type { get; init; }
    public required int Protocol { get; init; }
    public required byte[] Local { get; init; }

    /// <summary>Null where it is not connected.</summary>
    public byte[]? Remote { get; init; }

    /// <summary>As in TCP_INFO.</summary>
    public required int State { get; init; }
    public int Backlog { get; init; }

    /// <summary>Of a datagram socket. Bit 0: nothing more is received; bit 1: nothing more is sent.</summary>
    public int Shutdown { get; init; }
    internal TcpConversation Conversation { get; set; }

    [JsonPropertyName("conversation")]
    public string ConversationWord
    {
        get => Conversation.ToString();
        init => Conversation = (TcpConversation)Word.Parse(typeof(TcpConversation), value);
    }


    /// <summary>Inode of the other end within the tree.</summary>
    public ulong Peer { get; init; }

    /// <summary>Received and not read yet.</summary>
    public byte[] Queue { get; init; } = [];
    public required SocketSettings Settings { get; init; }

    /// <summary>Of a connection to the outside.</summary>
    public TcpStream? Stream { get; init; }

    /// <summary>Who had it open outside the tree, and keeps its address: "systemd (process 1)".</summary>
    public string? HeldBy { get; init; }

    /// <summary>This host does not have its local address (IP_FREEBIND).</summary>
    public bool Foreign { get; init; }

    /// <summary>Groups joined, each a struct group_req with level and family of its own.</summary>
    public IReadOnlyList<byte[]> Memberships { get; init; } = [];

    /// <summary>What must be set before a name is bound. An address that is not this host's wants IP_FREEBIND, which may have been put off since.</summary>
    public void ApplyBeforeBind(Descriptor socket, string what)
    {
        const int IP_FREEBIND = 15;
        Settings.ApplyBeforeBind(socket, what);
        if (Foreign)
            SocketCalls.SetInt(socket, SocketOptions.SOL_IP, IP_FREEBIND, 1, what);
    }
}
