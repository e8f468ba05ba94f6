using System.Buffers.Binary;
using System.Text.Json;
using ProcMigrate.Engine.Kinds.Sockets.Options;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Engine.Save;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Network;
using static ProcMigrate.Linux.Network.SocketOptions;

namespace ProcMigrate.Engine.Kinds.Sockets;

/// <summary>A netlink socket with its port and groups. Answers that wait in it cannot be put back: then the save is refused.</summary>
internal sealed class NetlinkSocketKind : DescriptorKind
{
    private const int NETLINK_ADD_MEMBERSHIP = 1;
    private const int NETLINK_LIST_MEMBERSHIPS = 9;
    private const int GroupBytes = 64;

    public override string Name => "netlink-socket";

    public override bool Recognises(DescriptorFacts facts) => SocketFamily.Of(facts) == AddressFamily.AF_NETLINK;

    public override JsonElement? Capture(DescriptorFacts facts, SaveContext context)
    {
        Descriptor socket = facts.Ours;
        if ((SocketCalls.Poll(socket) & SocketCalls.POLLIN) != 0)
        {
            context.Block(new Blocker(
                "NetlinkQueue", facts.Process.Pid, facts.Fd, facts.Link, "an answer of the kernel waits in this netlink socket, and cannot be put back",
                "save again in a moment"));
            return null;
        }
        if (SocketSettings.Capture(facts, context) is not { } settings)
            return null;
        var state = new NetlinkSocketState
        {
            Type = SocketCalls.GetInt(socket, SOL_SOCKET, SO_TYPE),
            Protocol = SocketCalls.GetInt(socket, SOL_SOCKET, SO_PROTOCOL),
            Local = SocketCalls.Name(socket),
            Remote = SocketCalls.PeerName(socket) ?? [],
            Groups = SocketCalls.TryGetOption(socket, SOL_NETLINK, NETLINK_LIST_MEMBERSHIPS, GroupBytes) ?? [],
            Settings = settings,
        };
        return JsonSerializer.SerializeToElement(state, StateJson.Default.NetlinkSocketState);
    }

    public override void Check(ObjectRecord record, RestoreContext context)
    {
        NetlinkSocketState state = Parse(record);
        SocketOptionChecks.Report(context, new SocketSort(AddressFamily.AF_NETLINK, state.Type, state.Protocol), state.Settings, Title(state));
    }

    public override Descriptor Recreate(ObjectRecord record, RestoreContext context)
    {
        NetlinkSocketState state = Parse(record);
        string what = Title(state);
        Descriptor socket = SocketCalls.Create(AddressFamily.AF_NETLINK, state.Type, state.Protocol, what);
        try
        {
            state.Settings.ApplyBeforeBind(socket, what);
            if (PortOf(state.Local) != 0)
                SocketCalls.Bind(socket, state.Local, what);
            if (PortOf(state.Remote) != 0)
                SocketCalls.Connect(socket, state.Remote, what);
            for (int group = 1; group <= state.Groups.Length * 8; group++)
            {
                if ((state.Groups[(group - 1) / 8] >> (group - 1) % 8 & 1) != 0)
                    SocketCalls.SetInt(socket, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group, $"group {group} of {what}");
            }
            state.Settings.ApplyAtEnd(socket, what);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static NetlinkSocketState Parse(ObjectRecord record) => RestoreContext.Parse(record, StateJson.Default.NetlinkSocketState);

    private static string Title(NetlinkSocketState state) => $"netlink socket of protocol {state.Protocol}, port {PortOf(state.Local)}";

    /// <summary>nl_pid of struct sockaddr_nl.</summary>
    private static uint PortOf(byte[] address) => address.Length < 8 ? 0 : BinaryPrimitives.ReadUInt32LittleEndian(address.AsSpan(4));
}

/// <summary>Addresses are sockaddr_nl; Groups is the kernel's bit map of them, group 1 in bit 0.</summary>
internal sealed record NetlinkSocketState
{
    public required int Type { get; init; }
    public required int Protocol { get; init; }
    public required byte[] Local { get; init; }
    public required byte[] Remote { get; init; }
    public required byte[] Groups { get; init; }
    public required SocketSettings Settings { get; init; }
}
