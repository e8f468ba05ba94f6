using System.Runtime.InteropServices;
using ProcMigrate.Engine.Kinds.Sockets.Options;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Network;
using static ProcMigrate.Linux.Network.SocketOptions;

namespace ProcMigrate.Engine.Kinds.Sockets;

/// <summary>When an option is set again.</summary>
internal enum SocketOptionPhase
{
    /// <summary>It decides which names can be bound, or how.</summary>
    BeforeBind,

    /// <summary>The same, and impossible to change afterwards.</summary>
    OnlyBeforeBind,

    /// <summary>Not before queues are filled: it changes what goes in or comes along.</summary>
    AtEnd,

    /// <summary>It forbids or disturbs the setting of others.</summary>
    Last,
}

/// <summary>
/// Options that can be read and set again. Each is asked for on every socket; what the socket does not know is left out, and on
/// restore only that is set which is not so by itself: so no option wants a privilege that the program did not use.
/// </summary>
internal static class SocketOptionTable
{
    private const SocketOptionPhase Before = SocketOptionPhase.BeforeBind;
    private const SocketOptionPhase Last = SocketOptionPhase.Last;
    private const int IntSize = 4;

    /// <param name="Of">Sockets of which it is more than a number that the kernel keeps and never looks at.</param>
    /// <param name="Usual">What stands for itself where a kernel does not have the option.</param>
    /// <param name="Unconnected">Not to be set once the socket is connected, when nothing uses it any more.</param>
    private sealed record Entry(
        int Level, int Name, string Label, int Size = IntSize, SocketOptionPhase Phase = SocketOptionPhase.AtEnd, Predicate<SocketSort>? Of = null,
        int Usual = 0, bool Unconnected = false);

    // sk_may_scm_recv of the kernel: what comes beside the data. Before Linux 6.16 these could be set, to no avail, on all others, too.
    private static readonly Predicate<SocketSort> WithMessages = s => s.Family is AddressFamily.AF_UNIX or AddressFamily.AF_NETLINK;
    private static readonly Predicate<SocketSort> Unix = s => s.Family == AddressFamily.AF_UNIX;

    // The same of a path that is chosen anew: until Linux 6.16 every socket had it.
    private static readonly Predicate<SocketSort> Tcp = s => s is { Family: not AddressFamily.AF_UNIX, Type: SocketType.SOCK_STREAM };

    private static readonly Entry[] All =
    [
        // asm-generic/socket.h
        new(SOL_SOCKET, 1, "SO_DEBUG"), new(SOL_SOCKET, SO_REUSEADDR, "SO_REUSEADDR"), new(SOL_SOCKET, 5, "SO_DONTROUTE"),
        new(SOL_SOCKET, 6, "SO_BROADCAST"), new(SOL_SOCKET, SO_SNDBUF, "SO_SNDBUF"), new(SOL_SOCKET, SO_RCVBUF, "SO_RCVBUF"),
        new(SOL_SOCKET, 9, "SO_KEEPALIVE"), new(SOL_SOCKET, 10, "SO_OOBINLINE"), new(SOL_SOCKET, 11, "SO_NO_CHECK"),
        new(SOL_SOCKET, 12, "SO_PRIORITY"), new(SOL_SOCKET, SO_LINGER, "SO_LINGER", 8), new(SOL_SOCKET, SO_REUSEPORT, "SO_REUSEPORT", Phase: Before),
        new(SOL_SOCKET, SO_PASSCRED, "SO_PASSCRED", Of: WithMessages), new(SOL_SOCKET, 18, "SO_RCVLOWAT"), new(SOL_SOCKET, 20, "SO_RCVTIMEO", 16),
        new(SOL_SOCKET, 21, "SO_SNDTIMEO", 16), new(SOL_SOCKET, 25, "SO_BINDTODEVICE", 16, Before), new(SOL_SOCKET, 29, "SO_TIMESTAMP"),
        new(SOL_SOCKET, 34, "SO_PASSSEC", Of: WithMessages), new(SOL_SOCKET, 35, "SO_TIMESTAMPNS"), new(SOL_SOCKET, 36, "SO_MARK", Phase: Before),
        new(SOL_SOCKET, 37, "SO_TIMESTAMPING", 8), new(SOL_SOCKET, 40, "SO_RXQ_OVFL"), new(SOL_SOCKET, 41, "SO_WIFI_STATUS"),
        new(SOL_SOCKET, SO_PEEK_OFF, "SO_PEEK_OFF", Phase: Last, Usual: -1), new(SOL_SOCKET, 43, "SO_NOFCS"), new(SOL_SOCKET, SO_LOCK_FILTER, "SO_LOCK_FILTER", Phase: Last),
        new(SOL_SOCKET, 45, "SO_SELECT_ERR_QUEUE"), new(SOL_SOCKET, 46, "SO_BUSY_POLL"), new(SOL_SOCKET, 47, "SO_MAX_PACING_RATE", 8),
        new(SOL_SOCKET, 60, "SO_ZEROCOPY"), new(SOL_SOCKET, 61, "SO_TXTIME", 8), new(SOL_SOCKET, 63, "SO_TIMESTAMP_NEW"),
        new(SOL_SOCKET, 64, "SO_TIMESTAMPNS_NEW"), new(SOL_SOCKET, 69, "SO_PREFER_BUSY_POLL"), new(SOL_SOCKET, 70, "SO_BUSY_POLL_BUDGET", Usual: 8),
        new(SOL_SOCKET, 72, "SO_BUF_LOCK", Phase: Last), new(SOL_SOCKET, 74, "SO_TXREHASH", Of: Tcp, Usual: 1), new(SOL_SOCKET, 75, "SO_RCVMARK"),
        new(SOL_SOCKET, 76, "SO_PASSPIDFD", Of: WithMessages), new(SOL_SOCKET, 82, "SO_RCVPRIORITY"), new(SOL_SOCKET, 83, "SO_PASSRIGHTS", Of: Unix, Usual: 1),
        // linux/in.h
        new(SOL_IP, 1, "IP_TOS"), new(SOL_IP, 2, "IP_TTL"), new(SOL_IP, 3, "IP_HDRINCL"), new(SOL_IP, 6, "IP_RECVOPTS"),
        new(SOL_IP, 7, "IP_RETOPTS"), new(SOL_IP, 8, "IP_PKTINFO"), new(SOL_IP, 10, "IP_MTU_DISCOVER"), new(SOL_IP, 11, "IP_RECVERR"),
        new(SOL_IP, 12, "IP_RECVTTL"), new(SOL_IP, 13, "IP_RECVTOS"), new(SOL_IP, 15, "IP_FREEBIND", Phase: Before),
        new(SOL_IP, 18, "IP_PASSSEC"), new(SOL_IP, 19, "IP_TRANSPARENT", Phase: Before), new(SOL_IP, 20, "IP_RECVORIGDSTADDR"),
        new(SOL_IP, 21, "IP_MINTTL"), new(SOL_IP, 22, "IP_NODEFRAG"), new(SOL_IP, 23, "IP_CHECKSUM"),
        new(SOL_IP, 24, "IP_BIND_ADDRESS_NO_PORT"), new(SOL_IP, 25, "IP_RECVFRAGSIZE"), new(SOL_IP, 26, "IP_RECVERR_RFC4884"),
        new(SOL_IP, 32, "IP_MULTICAST_IF"), new(SOL_IP, 33, "IP_MULTICAST_TTL"), new(SOL_IP, 34, "IP_MULTICAST_LOOP"),
        new(SOL_IP, 49, "IP_MULTICAST_ALL"), new(SOL_IP, 50, "IP_UNICAST_IF"), new(SOL_IP, 51, "IP_LOCAL_PORT_RANGE"),
        // linux/in6.h
        new(SOL_IPV6, 7, "IPV6_CHECKSUM"), new(SOL_IPV6, 11, "IPV6_FLOWINFO"), new(SOL_IPV6, 16, "IPV6_UNICAST_HOPS"),
        new(SOL_IPV6, 17, "IPV6_MULTICAST_IF"), new(SOL_IPV6, 18, "IPV6_MULTICAST_HOPS"), new(SOL_IPV6, 19, "IPV6_MULTICAST_LOOP"),
        new(SOL_IPV6, 23, "IPV6_MTU_DISCOVER"), new(SOL_IPV6, 25, "IPV6_RECVERR"), new(SOL_IPV6, 26, "IPV6_V6ONLY", Phase: SocketOptionPhase.OnlyBeforeBind),
        new(SOL_IPV6, 29, "IPV6_MULTICAST_ALL"), new(SOL_IPV6, 33, "IPV6_FLOWINFO_SEND"), new(SOL_IPV6, 36, "IPV6_HDRINCL"),
        new(SOL_IPV6, 49, "IPV6_RECVPKTINFO"), new(SOL_IPV6, 51, "IPV6_RECVHOPLIMIT"), new(SOL_IPV6, 53, "IPV6_RECVHOPOPTS"),
        new(SOL_IPV6, 56, "IPV6_RECVRTHDR"), new(SOL_IPV6, 58, "IPV6_RECVDSTOPTS"), new(SOL_IPV6, 60, "IPV6_RECVPATHMTU"),
        new(SOL_IPV6, 62, "IPV6_DONTFRAG"), new(SOL_IPV6, 66, "IPV6_RECVTCLASS"), new(SOL_IPV6, 67, "IPV6_TCLASS"),
        new(SOL_IPV6, 70, "IPV6_AUTOFLOWLABEL"), new(SOL_IPV6, 72, "IPV6_ADDR_PREFERENCES"), new(SOL_IPV6, 73, "IPV6_MINHOPCOUNT"),
        new(SOL_IPV6, 74, "IPV6_RECVORIGDSTADDR"), new(SOL_IPV6, 75, "IPV6_TRANSPARENT", Phase: Before), new(SOL_IPV6, 76, "IPV6_UNICAST_IF"),
        new(SOL_IPV6, 77, "IPV6_RECVFRAGSIZE"), new(SOL_IPV6, 78, "IPV6_FREEBIND", Phase: Before),
        // linux/tcp.h
        new(SOL_TCP, 1, "TCP_NODELAY"), new(SOL_TCP, 3, "TCP_CORK"), new(SOL_TCP, 4, "TCP_KEEPIDLE"), new(SOL_TCP, 5, "TCP_KEEPINTVL"),
        new(SOL_TCP, 6, "TCP_KEEPCNT"), new(SOL_TCP, 7, "TCP_SYNCNT"), new(SOL_TCP, 8, "TCP_LINGER2"), new(SOL_TCP, 9, "TCP_DEFER_ACCEPT"),
        new(SOL_TCP, 10, "TCP_WINDOW_CLAMP"), new(SOL_TCP, 13, "TCP_CONGESTION", 16), new(SOL_TCP, 16, "TCP_THIN_LINEAR_TIMEOUTS"),
        new(SOL_TCP, 18, "TCP_USER_TIMEOUT"), new(SOL_TCP, 23, "TCP_FASTOPEN", Unconnected: true), new(SOL_TCP, 25, "TCP_NOTSENT_LOWAT"), new(SOL_TCP, 27, "TCP_SAVE_SYN"),
        new(SOL_TCP, 30, "TCP_FASTOPEN_CONNECT", Unconnected: true), new(SOL_TCP, 34, "TCP_FASTOPEN_NO_COOKIE"), new(SOL_TCP, 36, "TCP_INQ"), new(SOL_TCP, 37, "TCP_TX_DELAY"),
        // linux/udp.h; 136 is UDP-Lite's own
        new(SOL_UDP, 100, "UDP_ENCAP"), new(SOL_UDP, 101, "UDP_NO_CHECK6_TX"), new(SOL_UDP, 102, "UDP_NO_CHECK6_RX"), new(SOL_UDP, 103, "UDP_SEGMENT"),
        new(SOL_UDP, 104, "UDP_GRO"), new(SOL_UDPLITE, 10, "UDPLITE_SEND_CSCOV"), new(SOL_UDPLITE, 11, "UDPLITE_RECV_CSCOV"),
        // ICMP_FILTER, ICMPV6_FILTER
        new(SOL_RAW, 1, "ICMP_FILTER"), new(SOL_ICMPV6, 1, "ICMPV6_FILTER", 32),
        // linux/netlink.h
        new(SOL_NETLINK, 3, "NETLINK_PKTINFO"), new(SOL_NETLINK, 4, "NETLINK_BROADCAST_ERROR"), new(SOL_NETLINK, 5, "NETLINK_NO_ENOBUFS"),
        new(SOL_NETLINK, 8, "NETLINK_LISTEN_ALL_NSID"), new(SOL_NETLINK, 10, "NETLINK_CAP_ACK"), new(SOL_NETLINK, 11, "NETLINK_EXT_ACK"),
        new(SOL_NETLINK, 12, "NETLINK_GET_STRICT_CHK"),
        // linux/if_packet.h
        new(SOL_PACKET, 8, "PACKET_AUXDATA"), new(SOL_PACKET, 9, "PACKET_ORIGDEV"), new(SOL_PACKET, 10, "PACKET_VERSION"),
        new(SOL_PACKET, 12, "PACKET_RESERVE"), new(SOL_PACKET, 14, "PACKET_LOSS"), new(SOL_PACKET, 15, "PACKET_VNET_HDR"),
        new(SOL_PACKET, 17, "PACKET_TIMESTAMP"), new(SOL_PACKET, 20, "PACKET_QDISC_BYPASS"), new(SOL_PACKET, 23, "PACKET_IGNORE_OUTGOING"),
    ];

    public static IReadOnlyList<SocketOptionValue> Read(Descriptor socket)
    {
        SocketSort sort = SocketSort.Of(socket);
        bool stream = sort.Type == SocketType.SOCK_STREAM;
        var values = new List<SocketOptionValue>();
        foreach (Entry entry in All)
        {
            // An accepted connection has its peer's values here, which nothing uses and nobody can set.
            if (stream && entry.Label.Contains("_MULTICAST_", StringComparison.Ordinal))
                continue;
            if (Concerns(entry, sort) && SocketCalls.TryGetOption(socket, entry.Level, entry.Name, entry.Size) is { } value)
                values.Add(new SocketOptionValue(entry.Level, entry.Name, value));
        }
        return values;
    }

    public static void Apply(Descriptor socket, IReadOnlyList<SocketOptionValue> values, SocketOptionPhase phase, string what)
    {
        foreach (SocketOptionValue wanted in values)
        {
            if (PhaseOf(wanted) == phase)
                RawSyscall.Check(TryApply(socket, wanted), "setsockopt", $"{LabelOf(wanted)} of {what}");
        }
    }

    public static SocketOptionPhase PhaseOf(SocketOptionValue wanted) => EntryOf(wanted).Phase;

    public static string LabelOf(SocketOptionValue wanted) => EntryOf(wanted).Label;

    /// <summary>
    /// Sets an option that is not so by itself. Where this kernel does not have it, it is enough that the program had never set it, or that on
    /// such a socket it means nothing.
    /// </summary>
    /// <returns>Zero, or minus errno.</returns>
    public static long TryApply(Descriptor socket, SocketOptionValue wanted)
    {
        Entry entry = EntryOf(wanted);
        byte[]? now = SocketCalls.TryGetOption(socket, entry.Level, entry.Name, entry.Size);
        if (now is null ? IsUsual(entry, wanted.Value) || !Concerns(entry, SocketSort.Of(socket)) : now.AsSpan().SequenceEqual(wanted.Value))
            return 0;
        if (entry is { Level: SOL_SOCKET, Name: SO_SNDBUF or SO_RCVBUF })
            return TrySetBuffer(socket, entry.Name, wanted.Value);
        long result = SocketCalls.TrySetOption(socket, entry.Level, entry.Name, wanted.Value);
        return result == -Errno.EINVAL && entry.Unconnected && SocketCalls.PeerName(socket) is not null ? 0 : result;
    }

    private static Entry EntryOf(SocketOptionValue wanted) => Array.Find(All, e => e.Level == wanted.Level && e.Name == wanted.Name)
        ?? throw new EngineException(
            "UnknownKind", FailureClass.ImageUnreadable, $"The image holds socket option {wanted.Level}/{wanted.Name}, which this version does not know.");

    private static bool IsUsual(Entry entry, byte[] value) =>
        entry.Usual == 0 ? !value.AsSpan().ContainsAnyExcept((byte)0) : value.AsSpan().SequenceEqual(BitConverter.GetBytes(entry.Usual));

    public static void SetBuffer(Descriptor socket, int name, ReadOnlySpan<byte> value, string what) =>
        RawSyscall.Check(TrySetBuffer(socket, name, value), "setsockopt", what);

    /// <summary>The kernel doubles what it is given, and without CAP_NET_ADMIN caps it at a sysctl.</summary>
    private static long TrySetBuffer(Descriptor socket, int name, ReadOnlySpan<byte> value)
    {
        if (value.Length != IntSize)
            throw Restore.RestoreContext.Damaged($"the size of a socket's buffer has {value.Length} bytes");
        int half = MemoryMarshal.Read<int>(value) / 2;
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(new ReadOnlySpan<int>(in half));
        int force = name == SO_SNDBUF ? SO_SNDBUFFORCE : SO_RCVBUFFORCE;
        long result = SocketCalls.TrySetOption(socket, SOL_SOCKET, force, bytes);
        return result < 0 ? SocketCalls.TrySetOption(socket, SOL_SOCKET, name, bytes) : result;
    }

    /// <summary>Only IP sockets are asked for IP options and so on: half of the calls saved.</summary>
    private static bool Concerns(Entry entry, SocketSort sort) => entry.Of?.Invoke(sort) != false && entry.Level switch
    {
        SOL_SOCKET => true,
        SOL_NETLINK => sort.Family == AddressFamily.AF_NETLINK,
        SOL_PACKET => sort.Family == AddressFamily.AF_PACKET,
        SOL_IPV6 or SOL_ICMPV6 => sort.Family == AddressFamily.AF_INET6,
        _ => sort.Family is AddressFamily.AF_INET or AddressFamily.AF_INET6,
    };
}
