namespace ProcMigrate.Engine.Kinds.Sockets;

/// <summary>Where a TCP connection to the outside stands: what both ends have agreed on, and what is between them (linux/tcp.h).</summary>
internal sealed record TcpStream
{
    /// <summary>Number of the first byte that the other side has not acknowledged; of SYN_SENT: of the SYN.</summary>
    public required uint SendSequence { get; init; }

    /// <summary>From there on: sent and not acknowledged, then not sent yet. Without a FIN.</summary>
    public byte[] SendQueue { get; init; } = [];

    /// <summary>How many bytes at its end have not been sent.</summary>
    public int NotSent { get; init; }

    /// <summary>Number of the first byte that the program has not read.</summary>
    public uint ReceiveSequence { get; init; }

    /// <summary>TCPI_OPT_: timestamps, SACK, window scaling.</summary>
    public int Options { get; init; }
    public int SendScale { get; init; }
    public int ReceiveScale { get; init; }
    public int SegmentSize { get; init; }

    /// <summary>What our timestamps had come to.</summary>
    public uint Timestamp { get; init; }
    public uint SendWindow { get; init; }
    public uint ReceiveWindow { get; init; }
}
