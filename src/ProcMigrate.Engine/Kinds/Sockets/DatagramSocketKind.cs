using System.Text.Json;
using ProcMigrate.Engine.Kinds.Sockets.Names;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Engine.Save;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Network;
using static ProcMigrate.Linux.Network.SocketOptions;

namespace ProcMigrate.Engine.Kinds.Sockets;

/// <summary>
/// UDP, UDP-Lite, ping and raw sockets over IPv4 or IPv6. What was received and not read is lost, as it may be at any time by
/// the contract of these protocols; a warning says so.
/// </summary>
internal sealed class DatagramSocketKind : DescriptorKind
{
    private const int IPPROTO_ICMP = 1;
    private const int IPPROTO_UDP = 17;
    private const int IPPROTO_ICMPV6 = 58;
    private const int IPPROTO_UDPLITE = 136;

    public override string Name => "datagram-socket";

    public override bool Recognises(DescriptorFacts facts)
    {
        if (SocketFamily.Of(facts) is not (AddressFamily.AF_INET or AddressFamily.AF_INET6))
            return false;
        return SocketCalls.GetInt(facts.Ours, SOL_SOCKET, SO_TYPE) switch
        {
            SocketType.SOCK_RAW => true,
            SocketType.SOCK_DGRAM =>
                SocketCalls.GetInt(facts.Ours, SOL_SOCKET, SO_PROTOCOL) is IPPROTO_UDP or IPPROTO_UDPLITE or IPPROTO_ICMP or IPPROTO_ICMPV6,
            _ => false,
        };
    }

    public override JsonElement? Capture(DescriptorFacts facts, SaveContext context)
    {
        Descriptor socket = facts.Ours;
        if (IsCorked(socket))
        {
            context.BlockForNow(new Blocker(
                "UdpUnsentData", facts.Process.Pid, facts.Fd, facts.Link, "a datagram is being put together (UDP_CORK, MSG_MORE), and cannot be read before it is sent", "save again in a moment"));
            return null;
        }
        if (SocketSettings.Capture(facts, context) is not { } settings)
            return null;
        var state = new InternetSocketState
        {
            Inode = facts.Status.Inode,
            Family = SocketCalls.GetInt(socket, SOL_SOCKET, SO_DOMAIN),
            Type = SocketCalls.GetInt(socket, SOL_SOCKET, SO_TYPE),
            Protocol = SocketCalls.GetInt(socket, SOL_SOCKET, SO_PROTOCOL),
            Local = SocketCalls.Name(socket),
            Remote = SocketCalls.PeerName(socket),
            State = SocketState.TCP_CLOSE,
            Shutdown = ShutdownOf(facts, context),
            Settings = settings,
            Memberships = MulticastGroups.Of(socket),
            Foreign = InternetChecks.IsForeign(socket),
        };
        if ((SocketCalls.Poll(socket) & SocketCalls.POLLIN) != 0)
            context.Warnings.Add($"descriptor {facts.Fd} of process {facts.Process.Pid}: packets received at {InternetAddress.Text(state.Local)} and not read yet are lost");
        return TcpSocketKind.ToJson(state);
    }

    private static bool IsCorked(Descriptor socket)
    {
        const int UDP_CORK = 1;
        return SocketCalls.GetInt(socket, SOL_SOCKET, SO_PROTOCOL) is IPPROTO_UDP or IPPROTO_UDPLITE
            && SocketCalls.GetInt(socket, SOL_SOCKET, SO_TYPE) == SocketType.SOCK_DGRAM
            && (SocketCalls.BytesToSend(socket) > 0 || SocketCalls.TryGetOption(socket, SOL_UDP, UDP_CORK, 4) is [not 0, ..]);
    }

    /// <summary>The socket itself cannot be asked, and sock_diag knows of UDP only.</summary>
    private static int ShutdownOf(DescriptorFacts facts, SaveContext context)
    {
        List<InternetSocketInfo> known = context.Shared<List<InternetSocketInfo>>(() =>
        [
            .. SocketDiag.InternetSockets(AddressFamily.AF_INET, IPPROTO_UDP), .. SocketDiag.InternetSockets(AddressFamily.AF_INET6, IPPROTO_UDP),
            .. SocketDiag.InternetSockets(AddressFamily.AF_INET, IPPROTO_UDPLITE), .. SocketDiag.InternetSockets(AddressFamily.AF_INET6, IPPROTO_UDPLITE),
        ]);
        return known.Find(s => s.Inode == (uint)facts.Status.Inode)?.Shutdown ?? 0;
    }

    public override void Captured(DescriptorFacts facts, int objectId, SaveContext context)
    {
        InternetSocketState state = InternetSockets.Parse(context.Objects[objectId]);
        if (!InternetSockets.HasName(state))
            return;
        (int pid, int fd) = (facts.Process.Pid, facts.Fd);
        context.AtEnd(() =>
        {
            if (HandedOver.Told(context, pid, fd, state.Inode, InternetAddress.Text(state.Local)) is { } holder)
                context.Objects.Replace(objectId, TcpSocketKind.ToJson(state with { HeldBy = holder }));
        });
    }

    public override void Check(ObjectRecord record, RestoreContext context) => new InternetChecks(InternetSockets.Parse(record), context).Report();

    public override Descriptor Recreate(ObjectRecord record, RestoreContext context) =>
        context.Shared("internet sockets", () => new InternetSockets(context)).Take(record.Id);
}
