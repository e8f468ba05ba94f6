using System.Text.Json;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Engine.Save;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Network;
using static ProcMigrate.Linux.Network.SocketOptions;

namespace ProcMigrate.Engine.Kinds.Sockets;

/// <summary>
/// A TCP socket over IPv4 or IPv6: unconnected, listening, or connected. Connections within the tree are made anew, with the same
/// addresses and what was under way; what becomes of others is for --tcp to say.
/// </summary>
/// <remarks>Only what can be read without putting a connection into repair mode is read: nothing of the program's is ever changed.</remarks>
internal sealed class TcpSocketKind : DescriptorKind
{
    private const int TCP_WINDOW_CLAMP = 10;
    private const int TCP_ULP = 31;
    private const int IPPROTO_TCP = 6;

    public override string Name => "tcp-socket";

    public override bool Recognises(DescriptorFacts facts) =>
        SocketFamily.Of(facts) is AddressFamily.AF_INET or AddressFamily.AF_INET6
        && SocketCalls.GetInt(facts.Ours, SOL_SOCKET, SO_PROTOCOL) == IPPROTO_TCP && SocketCalls.GetInt(facts.Ours, SOL_SOCKET, SO_TYPE) == SocketType.SOCK_STREAM;

    public override JsonElement? Capture(DescriptorFacts facts, SaveContext context)
    {
        Descriptor socket = facts.Ours;
        TcpInfo info = TcpInfo.Of(socket);
        byte[] local = SocketCalls.Name(socket);
        byte[]? remote = SocketCalls.PeerName(socket);
        short poll = SocketCalls.Poll(socket);
        if (Blocking(facts, info, poll, $"{facts.Link}, {InternetAddress.Text(local)} to {InternetAddress.Text(remote)}") is { } blocker)
        {
            context.Block(blocker);
            return null;
        }
        if (SocketSettings.Capture(facts, context) is not { } settings)
            return null;
        bool fresh = info.State is SocketState.TCP_LISTEN || (info.State == SocketState.TCP_CLOSE && info.SegmentsIn == 0);
        if (!fresh)
            settings = settings with { Options = [.. settings.Options.Where(o => (o.Level, o.Name) != (SOL_TCP, TCP_WINDOW_CLAMP))] };
        return ToJson(new InternetSocketState
        {
            Inode = facts.Status.Inode,
            Family = SocketCalls.GetInt(socket, SOL_SOCKET, SO_DOMAIN),
            Type = SocketType.SOCK_STREAM,
            Protocol = IPPROTO_TCP,
            Local = local,
            Remote = remote,
            State = info.State,
            Backlog = info.State == SocketState.TCP_LISTEN ? info.Sacked : 0,
            Conversation = fresh ? TcpConversation.None
                : info.State != SocketState.TCP_CLOSE ? TcpConversation.Within
                : HowItEnded(poll),
            Queue = fresh ? [] : ReadQueue(socket),
            Settings = settings,
            Foreign = fresh && InternetChecks.IsForeign(socket),
        });
    }

    public override void Captured(DescriptorFacts facts, int objectId, SaveContext context)
    {
        TcpConnections connections = context.Shared(() => new TcpConnections(context));
        connections.Add(objectId, facts.Process, facts.Fd, TcpInfo.Of(facts.Ours));
    }

    public override void Check(ObjectRecord record, RestoreContext context) => new InternetChecks(InternetSockets.Parse(record), context).Report();

    public override Descriptor Recreate(ObjectRecord record, RestoreContext context) =>
        context.Shared("internet sockets", () => new InternetSockets(context)).Take(record.Id);

    /// <summary>Of a connection in the state CLOSE: has the program still to be told of a reset?</summary>
    public static TcpConversation HowItEnded(short poll) =>
        (poll & SocketCalls.POLLERR) != 0 ? TcpConversation.Reset : TcpConversation.Ended;

    public static JsonElement ToJson(InternetSocketState state) => JsonSerializer.SerializeToElement(state, StateJson.Default.InternetSocketState);

    private static Blocker? Blocking(DescriptorFacts facts, TcpInfo info, short poll, string what)
    {
        if (info.State != SocketState.TCP_LISTEN && SocketCalls.TryGetOption(facts.Ours, SOL_TCP, TCP_ULP, 16) is { Length: > 0 } layer && layer[0] != 0)
        {
            return new Blocker(
                "TcpLayer", facts.Process.Pid, facts.Fd, $"{what}, {CString.Decode(layer.AsSpan().TrimEnd((byte)0))}",
                "the kernel runs a protocol of its own above this connection, whose keys it does not give back", "turn kernel TLS off in the program");
        }
        return (poll & SocketCalls.POLLPRI) != 0
            ? new Blocker("TcpUrgentData", facts.Process.Pid, facts.Fd, what, "urgent data (MSG_OOB) waits in it", "save again in a moment")
            : null;
    }

    public static byte[] ReadQueue(Descriptor socket)
    {
        int bytes = SocketCalls.BytesToRead(socket);
        if (bytes == 0)
            return [];
        using SocketMessage? message = SocketMessage.Peek(socket, bytes);
        return message is { } read && read.Data.Length == bytes
            ? read.Data
            : throw new LinuxException($"recvmsg(MSG_PEEK): {message?.Data.Length ?? 0} of {bytes} bytes", $"descriptor {socket.Number}", Errno.EIO);
    }
}
