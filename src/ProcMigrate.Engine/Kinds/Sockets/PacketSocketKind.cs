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

/// <summary>
/// A packet socket (packet(7)) with its protocol, interface, memberships, fanout group and rings. Packets that wait are lost, with a
/// warning. A ring that the program has mapped is a blocker, told with the mapping: where the kernel stands in it shows nowhere.
/// </summary>
internal sealed class PacketSocketKind : DescriptorKind
{
    private const int PACKET_ADD_MEMBERSHIP = 1;
    private const int PACKET_RX_RING = 5;
    private const int PACKET_TX_RING = 13;
    private const int PACKET_VERSION = 10;
    private const int TPACKET_V3 = 2;
    private const int RingRequestSize = 16;
    private const int PACKET_FANOUT = 18;
    private const int SOCK_PACKET = 10;
    private const int LinkAddressSize = 20;
    private const int MaximalRequestSize = 40;

    public override string Name => "packet-socket";

    public override bool Recognises(DescriptorFacts facts) =>
        SocketFamily.Of(facts) == AddressFamily.AF_PACKET
        && SocketCalls.GetInt(facts.Ours, SOL_SOCKET, SO_TYPE) is SocketType.SOCK_RAW or SocketType.SOCK_DGRAM or SOCK_PACKET;

    public override JsonElement? Capture(DescriptorFacts facts, SaveContext context)
    {
        if (SocketDiag.PacketSockets().Find(s => s.Inode == facts.Status.Inode) is not { } info)
        {
            context.Block(new Blocker(
                "Socket", facts.Process.Pid, facts.Fd, facts.Link, "the kernel tells nothing of this packet socket (CONFIG_PACKET_DIAG)", "let the program close it"));
            return null;
        }
        if (SocketSettings.Capture(facts, context) is not { } settings)
            return null;
        if ((SocketCalls.Poll(facts.Ours) & SocketCalls.POLLIN) != 0)
            context.Warnings.Add($"descriptor {facts.Fd} of process {facts.Process.Pid}: captured packets that are not read yet are lost");
        var state = new PacketSocketState
        {
            Type = info.Type,
            Protocol = info.Protocol,
            Interface = info.Interface,
            Fanout = info.Fanout,
            ReceiveRing = info.ReceiveRing,
            SendRing = info.SendRing,
            BoundTo = info is { Type: SOCK_PACKET, Interface: not 0 } ? SocketCalls.Name(facts.Ours) : null,
            Memberships = info.Memberships,
            Settings = settings,
        };
        return JsonSerializer.SerializeToElement(state, StateJson.Default.PacketSocketState);
    }

    public override void Check(ObjectRecord record, RestoreContext context)
    {
        PacketSocketState state = Parse(record);
        var sort = new SocketSort(AddressFamily.AF_PACKET, state.Type, 0);
        if (!SocketOptionChecks.Report(context, sort, state.Settings, Title(state)) || state.Interface == 0)
            return;
        using Descriptor socket = sort.Create(Title(state));
        if (!SocketOptionChecks.IsInterface(socket, state.Interface))
        {
            context.Block(new Blocker(
                "SocketRefused", null, null, Title(state), $"this host has no network interface of number {state.Interface}", "restore on a host with the same interfaces"));
        }
    }

    public override Descriptor Recreate(ObjectRecord record, RestoreContext context)
    {
        PacketSocketState state = Parse(record);
        string what = Title(state);
        // Protocol 0 at first: it hears nothing until it is bound. The old type cannot be bound to a protocol.
        int protocol = state.Type == SOCK_PACKET ? BinaryPrimitives.ReverseEndianness((ushort)state.Protocol) : 0;
        Descriptor socket = SocketCalls.Create(AddressFamily.AF_PACKET, state.Type, protocol, what);
        try
        {
            state.Settings.ApplyBeforeBind(socket, what);
            Bind(socket, state, what);
            foreach (byte[] membership in state.Memberships)
                Join(socket, membership, what);
            if (state.Fanout is { } fanout)
                SocketCalls.SetInt(socket, SOL_PACKET, PACKET_FANOUT, (int)fanout, $"fanout group of {what}");
            state.Settings.ApplyAtEnd(socket, what);
            SetRing(socket, PACKET_RX_RING, state.ReceiveRing, what);
            SetRing(socket, PACKET_TX_RING, state.SendRing, what);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static PacketSocketState Parse(ObjectRecord record) => RestoreContext.Parse(record, StateJson.Default.PacketSocketState);

    private static string Title(PacketSocketState state) => $"packet socket of protocol {state.Protocol:x}, interface {state.Interface}";

    private static void Bind(Descriptor socket, PacketSocketState state, string what)
    {
        byte[] address = new byte[LinkAddressSize];
        BinaryPrimitives.WriteUInt16LittleEndian(address, AddressFamily.AF_PACKET);
        BinaryPrimitives.WriteUInt16BigEndian(address.AsSpan(2), (ushort)state.Protocol);
        BinaryPrimitives.WriteInt32LittleEndian(address.AsSpan(4), state.Interface);
        if (state.Type == SOCK_PACKET)
            address = state.BoundTo ?? [];
        else if (state.Protocol == 0 && state.Interface == 0)
            address = [];
        if (address.Length > 0)
            SocketCalls.Bind(socket, address, what);
    }

    /// <summary>A ring that only the kernel knows so far. It can be asked for when all options that forbid themselves beside one are set.</summary>
    private static void SetRing(Descriptor socket, int name, byte[]? ring, string what)
    {
        if (ring is null)
            return;
        bool third = SocketCalls.GetInt(socket, SOL_PACKET, PACKET_VERSION) == TPACKET_V3;
        if (ring.Length < RingRequestSize)
            throw RestoreContext.Damaged($"a ring of {what} has {ring.Length} bytes");
        SocketCalls.SetOption(socket, SOL_PACKET, name, third ? ring : ring.AsSpan(0, RingRequestSize), $"a ring of {what}");
    }

    /// <summary>From struct packet_diag_mclist (interface, count, type, length, address) to as many of struct packet_mreq_max.</summary>
    private static void Join(Descriptor socket, byte[] membership, string what)
    {
        byte[] request = [.. membership[..4], .. membership[8..]];
        if (request.Length != MaximalRequestSize)
            throw RestoreContext.Damaged($"a membership of {what} has {membership.Length} bytes");
        for (int count = BinaryPrimitives.ReadInt32LittleEndian(membership.AsSpan(4)); count > 0; count--)
            SocketCalls.SetOption(socket, SOL_PACKET, PACKET_ADD_MEMBERSHIP, request, $"a membership of {what}");
    }
}

/// <summary>Protocol is an Ethernet protocol number; Memberships are struct packet_diag_mclist; rings struct tpacket_req3.</summary>
internal sealed record PacketSocketState
{
    public required int Type { get; init; }
    public required int Protocol { get; init; }
    public required int Interface { get; init; }
    public long? Fanout { get; init; }
    public byte[]? ReceiveRing { get; init; }
    public byte[]? SendRing { get; init; }

    /// <summary>Of the type SOCK_PACKET: the name that it is bound to, of an interface.</summary>
    public byte[]? BoundTo { get; init; }
    public required IReadOnlyList<byte[]> Memberships { get; init; }
    public required SocketSettings Settings { get; init; }
}
