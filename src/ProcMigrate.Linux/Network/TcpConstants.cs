namespace ProcMigrate.Linux.Network;

/// <summary>Repair mode of TCP sockets (linux/tcp.h): their numbers and queues can be read and set, and closing one sends nothing.</summary>
public static class TcpRepair
{
    public const int TCP_INFO = 11;
    public const int TCP_REPAIR = 19;
    public const int TCP_REPAIR_QUEUE = 20;
    public const int TCP_QUEUE_SEQ = 21;
    public const int TCP_REPAIR_OPTIONS = 22;
    public const int TCP_TIMESTAMP = 24;
    public const int TCP_REPAIR_WINDOW = 29;

    public const int TCP_REPAIR_ON = 1;

    /// <summary>Off, and the other side is asked for its window.</summary>
    public const int TCP_REPAIR_OFF = 0;

    /// <summary>Off without a sound.</summary>
    public const int TCP_REPAIR_OFF_NO_WP = -1;

    public const int TCP_RECV_QUEUE = 1;
    public const int TCP_SEND_QUEUE = 2;

    public const int TCPOPT_MSS = 2;
    public const int TCPOPT_WINDOW = 3;
    public const int TCPOPT_SACK_PERM = 4;
    public const int TCPOPT_TIMESTAMP = 8;
}
