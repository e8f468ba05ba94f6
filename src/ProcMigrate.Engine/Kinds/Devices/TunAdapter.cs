using System.Globalization;
using System.Text.Json;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Engine.Save;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Devices;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Kinds.Devices;

/// <summary>
/// /dev/net/tun: a network interface whose packets the program handles. The interface is made again (or, where it is
/// persistent and still there, joined again) with its flags, sizes, owner, addresses and state. Packets under way are lost, as
/// on any network.
/// </summary>
internal sealed class TunAdapter : DeviceAdapter
{
    // linux/if_tun.h
    private const uint TUNSETIFF = 0x400454ca;
    private const uint TUNSETPERSIST = 0x400454cb;
    private const uint TUNSETOWNER = 0x400454cc;
    private const uint TUNSETGROUP = 0x400454ce;
    private const uint TUNGETIFF = 0x800454d2;
    private const uint TUNGETSNDBUF = 0x800454d3;
    private const uint TUNSETSNDBUF = 0x400454d4;
    private const uint TUNGETVNETHDRSZ = 0x800454d7;
    private const uint TUNSETVNETHDRSZ = 0x400454d8;
    private const uint TUNGETFILTER = 0x801054db;
    private const ushort IFF_TAP = 0x0002;
    private const ushort IFF_PERSIST = 0x0800;
    private const ushort IFF_DETACH_QUEUE = 0x0400;
    private const ushort IFF_TUN_EXCL = 0x8000;
    private const int EBADFD = 77;

    // linux/sockios.h, get and set; in the order in which they are set again.
    private static readonly (string Name, uint Get, uint Set)[] Values =
    [
        ("hardware address", 0x8927, 0x8924), ("MTU", 0x8921, 0x8922), ("address", 0x8915, 0x8916), ("netmask", 0x891b, 0x891c),
        ("peer address", 0x8917, 0x8918), ("flags", 0x8913, 0x8914),
    ];

    private const uint TunMajor = 10;
    private const uint TunMinor = 200;

    public override string Name => "tun";

    public override bool Recognises(DescriptorFacts facts) =>
        facts.Status is { Type: FileType.CharacterDevice, RealDeviceMajor: TunMajor, RealDeviceMinor: TunMinor };

    public override JsonElement? Capture(Descriptor device, DescriptorFacts facts, SaveContext context)
    {
        InterfaceRequest request = default;
        long result = DeviceCalls.Try(device, TUNGETIFF, ref request);
        if (result == -EBADFD)
            return JsonSerializer.SerializeToElement(new TunState(), StateJson.Default.TunState);
        RawSyscall.Check(result, "ioctl(TUNGETIFF)", facts.Link);
        if (HasFilterOrOffload(device, request.Name) is { } reason)
        {
            context.Block(new Blocker(
                "TunSettings", facts.Process.Pid, facts.Fd, $"{facts.Link}, interface {request.Name}: {reason}",
                "the kernel does not tell what was set", "let the program turn it off"));
            return null;
        }
        var state = new TunState
        {
            Interface = request.Name,
            Flags = request.Flags,
            SendBuffer = Ask(device, TUNGETSNDBUF, "TUNGETSNDBUF"),
            HeaderSize = Ask(device, TUNGETVNETHDRSZ, "TUNGETVNETHDRSZ"),
            Owner = Attribute(request.Name, "owner"),
            Group = Attribute(request.Name, "group"),
            Values = ReadValues(request.Name),
        };
        return JsonSerializer.SerializeToElement(state, StateJson.Default.TunState);
    }

    public override void Check(string path, JsonElement state, RestoreContext context)
    {
        TunState tun = Parse(path, state);
        bool exists = tun.Interface is not null && PathCalls.IsFolder($"/sys/class/net/{tun.Interface}");
        if (exists && !IsFree(tun))
        {
            context.Block(new Blocker(
                "InterfaceExists", null, null, $"network interface {tun.Interface}",
                "the program's interface has this name, and there is one here already that somebody else uses",
                $"remove it (ip link delete {tun.Interface}) or restore in another network namespace"));
        }
    }

    public override void Apply(Descriptor device, string path, JsonElement state, RestoreContext context)
    {
        TunState tun = Parse(path, state);
        if (tun.Interface is null)
            return;
        InterfaceRequest request = InterfaceRequest.For(tun.Interface);
        request.Flags = (ushort)(tun.Flags & ~(IFF_PERSIST | IFF_DETACH_QUEUE | IFF_TUN_EXCL));
        DeviceCalls.Call(device, TUNSETIFF, $"TUNSETIFF {tun.Interface}", ref request);
        int size = tun.SendBuffer, header = tun.HeaderSize;
        DeviceCalls.Call(device, TUNSETSNDBUF, "TUNSETSNDBUF", ref size);
        DeviceCalls.Call(device, TUNSETVNETHDRSZ, "TUNSETVNETHDRSZ", ref header);
        if (tun.Owner is { } owner && Allowed(context.Rights.MayOwn((uint)owner), tun, context))
            DeviceCalls.CallValue(device, TUNSETOWNER, "TUNSETOWNER", (nint)owner);
        if (tun.Group is { } group && Allowed(context.Rights.MayOwnAsGroup((uint)group), tun, context))
            DeviceCalls.CallValue(device, TUNSETGROUP, "TUNSETGROUP", (nint)group);
        DeviceCalls.CallValue(device, TUNSETPERSIST, "TUNSETPERSIST", (tun.Flags & IFF_PERSIST) != 0 ? 1 : 0);
        SetValues(tun);
    }

    private static bool Allowed(bool allowed, TunState tun, RestoreContext context)
    {
        if (!allowed)
            context.WarnOnce($"{tun.Interface} was lent to a user or group that no process of the tree is: here it is not");
        return allowed;
    }

    /// <summary>A persistent interface outlives the program: then the one here is its own, if nobody has taken it.</summary>
    private static bool IsFree(TunState tun)
    {
        if ((tun.Flags & IFF_PERSIST) == 0 || !PathCalls.Exists($"/sys/class/net/{tun.Interface}/tun_flags"))
            return false;
        // The carrier is on while somebody is attached.
        try
        {
            return FileCalls.ReadText($"/sys/class/net/{tun.Interface}/carrier").Trim() == "0";
        }
        catch (LinuxException)
        {
            // EINVAL: the interface is down, which has no carrier; whoever has it, TUNSETIFF answers EBUSY.
            return true;
        }
    }

    private static string? HasFilterOrOffload(Descriptor device, string name)
    {
        // struct sock_fprog: a length and, at 8, a pointer that means nothing here.
        (ulong Length, ulong Filter) program = default;
        if (DeviceCalls.Try(device, TUNGETFILTER, ref program) >= 0 && (ushort)program.Length != 0)
            return "a packet filter (TUNATTACHFILTER)";
        return EthtoolFlags.HasTransmitChecksum(name) ? "offloads (TUNSETOFFLOAD)" : null;
    }

    private static Dictionary<string, byte[]> ReadValues(string name)
    {
        using Descriptor socket = InterfaceRequest.OpenSocket();
        var values = new Dictionary<string, byte[]>();
        foreach ((string what, uint get, _) in Values)
        {
            InterfaceRequest request = InterfaceRequest.For(name);
            long result = DeviceCalls.Try(socket, get, ref request);
            // EADDRNOTAVAIL: it has no address, which is the usual case.
            if (result >= 0)
                values[what] = request.Value();
        }
        return values;
    }

    private static void SetValues(TunState tun)
    {
        using Descriptor socket = InterfaceRequest.OpenSocket();
        foreach ((string what, _, uint set) in Values)
        {
            // A tun interface has no hardware address to set.
            if (!tun.Values.TryGetValue(what, out byte[]? value) || (what == "hardware address" && (tun.Flags & IFF_TAP) == 0))
                continue;
            InterfaceRequest request = InterfaceRequest.For(tun.Interface!);
            request.SetValue(value);
            DeviceCalls.Call(socket, set, $"{what} of {tun.Interface}", ref request);
        }
    }

    private static long? Attribute(string name, string attribute)
    {
        long value = long.Parse(FileCalls.ReadText($"/sys/class/net/{name}/{attribute}"), CultureInfo.InvariantCulture);
        return value < 0 ? null : value;
    }

    private static int Ask(Descriptor device, uint request, string name)
    {
        int value = 0;
        DeviceCalls.Call(device, request, name, ref value);
        return value;
    }

    private static TunState Parse(string path, JsonElement state) =>
        state.Deserialize(StateJson.Default.TunState) ?? throw RestoreContext.Damaged($"{path} has no state");
}

/// <summary>Interface is null where the program has opened the device and made none yet.</summary>
internal sealed record TunState
{
    public string? Interface { get; init; }
    public int Flags { get; init; }
    public int SendBuffer { get; init; }
    public int HeaderSize { get; init; }
    public long? Owner { get; init; }
    public long? Group { get; init; }

    /// <summary>The value part of struct ifreq, by name.</summary>
    public Dictionary<string, byte[]> Values { get; init; } = [];
}
