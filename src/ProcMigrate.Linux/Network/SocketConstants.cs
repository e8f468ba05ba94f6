namespace ProcMigrate.Linux.Network;

/// <summary>Address families (linux/socket.h) that the engine tells apart.</summary>
public static class AddressFamily
{
    public const int AF_UNSPEC = 0;
    public const int AF_UNIX = 1;
    public const int AF_INET = 2;
    public const int AF_INET6 = 10;
    public const int AF_NETLINK = 16;
    public const int AF_PACKET = 17;

    private static readonly string?[] Names =
    [
        "unspecified", "unix", "IPv4", "AX.25", "IPX", "AppleTalk", "NET/ROM", "bridge", "ATM PVC", "X.25", "IPv6", "Rose", "DECnet",
        null, null, "key management (PF_KEY)", "netlink", "packet", null, "Econet", "ATM SVC", "RDS", "SNA", "IrDA", "PPPoX", "WANPIPE", "LLC",
        "InfiniBand", "MPLS", "CAN", "TIPC", "Bluetooth", "IUCV", "RxRPC", "ISDN", "Phonet", "IEEE 802.15.4", "CAIF", "kernel crypto (AF_ALG)",
        "NFC", "virtual machine (vsock)", "kernel connection multiplexor (KCM)", "IPC router", "SMC", "XDP", "MCTP",
    ];

    public static string NameOf(int family) => (uint)family < Names.Length && Names[family] is { } name ? name : $"family {family}";
}

/// <summary>Socket types (linux/net.h).</summary>
public static class SocketType
{
    public const int SOCK_STREAM = 1;
    public const int SOCK_DGRAM = 2;
    public const int SOCK_RAW = 3;
    public const int SOCK_SEQPACKET = 5;
    public const int SOCK_NONBLOCK = 0x800;
    public const int SOCK_CLOEXEC = 0x80000;

    public static string NameOf(int type) => type switch
    {
        SOCK_STREAM => "stream",
        SOCK_DGRAM => "datagram",
        SOCK_RAW => "raw",
        SOCK_SEQPACKET => "sequenced packet",
        _ => $"type {type}",
    };
}

/// <summary>States as TCP_INFO and sock_diag show them (net/tcp_states.h); unix sockets use three of them.</summary>
public static class SocketState
{
    public const int TCP_ESTABLISHED = 1;
    public const int TCP_SYN_SENT = 2;
    public const int TCP_SYN_RECV = 3;
    public const int TCP_FIN_WAIT1 = 4;
    public const int TCP_FIN_WAIT2 = 5;
    public const int TCP_TIME_WAIT = 6;
    public const int TCP_CLOSE = 7;
    public const int TCP_CLOSE_WAIT = 8;
    public const int TCP_LAST_ACK = 9;
    public const int TCP_LISTEN = 10;
    public const int TCP_CLOSING = 11;

    private static readonly string[] Names =
    [
        "unknown", "ESTABLISHED", "SYN_SENT", "SYN_RECV", "FIN_WAIT1", "FIN_WAIT2", "TIME_WAIT", "CLOSE", "CLOSE_WAIT", "LAST_ACK", "LISTEN", "CLOSING",
    ];

    public static string NameOf(int state) => (uint)state < Names.Length ? Names[state] : $"state {state}";
}

/// <summary>Levels and options of setsockopt(2) that the engine speaks of by name; the rest stand in its tables.</summary>
public static class SocketOptions
{
    public const int SOL_IP = 0;
    public const int SOL_SOCKET = 1;
    public const int SOL_TCP = 6;
    public const int SOL_UDP = 17;
    public const int SOL_IPV6 = 41;
    public const int SOL_ICMPV6 = 58;
    public const int SOL_UDPLITE = 136;
    public const int SOL_RAW = 255;
    public const int SOL_PACKET = 263;
    public const int SOL_NETLINK = 270;

    public const int SO_REUSEADDR = 2;
    public const int SO_TYPE = 3;
    public const int SO_SNDBUF = 7;
    public const int SO_RCVBUF = 8;
    public const int SO_LINGER = 13;
    public const int SO_REUSEPORT = 15;
    public const int SO_PASSCRED = 16;
    public const int SO_PEERCRED = 17;
    public const int SO_ATTACH_FILTER = 26;
    public const int SO_GET_FILTER = 26;
    public const int SO_SNDBUFFORCE = 32;
    public const int SO_RCVBUFFORCE = 33;
    public const int SO_PROTOCOL = 38;
    public const int SO_DOMAIN = 39;
    public const int SO_PEEK_OFF = 42;
    public const int SO_LOCK_FILTER = 44;

    public const int SCM_RIGHTS = 1;
    public const int SCM_CREDENTIALS = 2;

    public const int MSG_PEEK = 2;
    public const int MSG_CTRUNC = 8;
    public const int MSG_TRUNC = 0x20;
    public const int MSG_DONTWAIT = 0x40;
    public const int MSG_NOSIGNAL = 0x4000;
    public const int MSG_CMSG_CLOEXEC = 0x40000000;
}
