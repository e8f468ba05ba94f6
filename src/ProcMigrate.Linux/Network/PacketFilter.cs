using System.Buffers.Binary;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Linux.Network;

/// <summary>Both ends of a connection as packets show them: addresses of 4 or 16 bytes.</summary>
public sealed record ConnectionEnds(byte[] Local, int LocalPort, byte[] Remote, int RemotePort);

/// <summary>
/// Tables of nf_tables that drop the packets of some connections, both ways, by netlink (linux/netfilter/nf_tables.h). A table that is
/// owned goes away with this object, whatever becomes of us; another stays.
/// </summary>
public sealed unsafe class PacketFilter : IDisposable
{
    /// <summary>Packets with this mark (SO_MARK) pass.</summary>
    public const int PassMark = 0x504d4947;

    private const int NETLINK_NETFILTER = 12;
    private const int NFNL_SUBSYS_NFTABLES = 10;
    private const int NFNL_MSG_BATCH_BEGIN = 16;
    private const int NFNL_MSG_BATCH_END = 17;
    private const byte NFPROTO_INET = 1;
    private const int NFT_MSG_NEWTABLE = 0, NFT_MSG_DELTABLE = 2, NFT_MSG_NEWCHAIN = 3, NFT_MSG_NEWRULE = 6, NFT_MSG_NEWSET = 9;
    private const int NFT_MSG_NEWSETELEM = 12, NFT_MSG_DELSETELEM = 14;
    private const int NLM_F_EXCL_CREATE = 0x600, NLM_F_CREATE = 0x400, NLM_F_CREATE_APPEND = 0xc00;
    private const uint NFT_TABLE_F_OWNER = 2, NFT_SET_TIMEOUT = 0x10;
    private const uint NF_INET_LOCAL_IN = 1, NF_INET_LOCAL_OUT = 3;
    private const uint NF_DROP = 0, NF_ACCEPT = 1;
    private const uint Register = 8;
    private const int ReceiveSize = 64 * 1024;

    private static readonly int[] AddressSizes = [4, 16];

    // An attribute's length has 16 bits.
    private const int ElementsPerMessage = 500;
    private const int BatchSize = 32 << 20;

    private readonly Descriptor _link = SocketCalls.Create(AddressFamily.AF_NETLINK, SocketType.SOCK_RAW, NETLINK_NETFILTER, "nf_tables");

    public PacketFilter()
    {
        // A batch comes as one message. Where this is refused, nf_tables will be, too, and that is told.
        SocketCalls.TrySetOption(_link, SocketOptions.SOL_SOCKET, SocketOptions.SO_SNDBUFFORCE, BitConverter.GetBytes(BatchSize));
    }

    public void Dispose() => _link.Dispose();

    /// <param name="milliseconds">How long the connections are held; null: for good.</param>
    /// <returns>Zero, or minus errno; then there is no table.</returns>
    public long TryCreate(string table, bool owned, IReadOnlyList<ConnectionEnds> connections, uint? milliseconds)
    {
        NetlinkRequest request = BeginBatch();
        Begin(request, NFT_MSG_NEWTABLE, NLM_F_EXCL_CREATE, table);
        request.Add(2, owned ? NFT_TABLE_F_OWNER : 0);
        AddChain(request, table, "input", NF_INET_LOCAL_IN);
        AddChain(request, table, "output", NF_INET_LOCAL_OUT);
        AddPassRule(request, table);
        foreach (int size in AddressSizes)
        {
            AddSet(request, table, size);
            AddDropRule(request, table, "input", size, remoteFirst: true);
            AddDropRule(request, table, "output", size, remoteFirst: false);
        }
        AddElements(request, NFT_MSG_NEWSETELEM, table, connections, milliseconds);
        return Send(request);
    }

    /// <summary>Holds connections for another time than before, without a gap.</summary>
    public long TryExtend(string table, IReadOnlyList<ConnectionEnds> connections, uint? milliseconds)
    {
        NetlinkRequest request = BeginBatch();
        AddElements(request, NFT_MSG_DELSETELEM, table, connections, null);
        AddElements(request, NFT_MSG_NEWSETELEM, table, connections, milliseconds);
        return Send(request);
    }

    /// <summary>Lets some connections of a table pass again.</summary>
    public long TryRelease(string table, IReadOnlyList<ConnectionEnds> connections)
    {
        NetlinkRequest request = BeginBatch();
        AddElements(request, NFT_MSG_DELSETELEM, table, connections, null);
        return Send(request);
    }

    public long TryDelete(string table)
    {
        NetlinkRequest request = BeginBatch();
        Begin(request, NFT_MSG_DELTABLE, 0, table);
        return Send(request);
    }

    private static NetlinkRequest BeginBatch()
    {
        var request = new NetlinkRequest();
        request.Begin(NFNL_MSG_BATCH_BEGIN, 0, 0, NFNL_SUBSYS_NFTABLES, acknowledge: false);
        return request;
    }

    /// <summary>All messages about parts of a table begin with its name.</summary>
    private static void Begin(NetlinkRequest request, int type, int flags, string table)
    {
        request.Begin(NFNL_SUBSYS_NFTABLES << 8 | type, flags, NFPROTO_INET, 0, acknowledge: true);
        request.Add(1, table);
    }

    private static void AddChain(NetlinkRequest request, string table, string name, uint hook)
    {
        Begin(request, NFT_MSG_NEWCHAIN, NLM_F_CREATE, table);
        request.Add(3, name);
        int nested = request.Open(4);
        request.Add(1, hook);
        // Before connection tracking, as "raw" tables: to it, there are no such packets.
        request.Add(2, unchecked((uint)-300));
        request.Close(nested);
        request.Add(5, NF_ACCEPT);
        request.Add(7, "filter");
    }

    /// <summary>A concatenation of address, port, address, port, each padded to a register of 32 bits.</summary>
    private static void AddSet(NetlinkRequest request, string table, int addressSize)
    {
        Begin(request, NFT_MSG_NEWSET, NLM_F_CREATE, table);
        request.Add(2, SetName(addressSize));
        request.Add(3, NFT_SET_TIMEOUT);
        request.Add(4, 0u);
        request.Add(5, (uint)(2 * (addressSize + 4)));
        request.Add(10, (uint)addressSize);
    }

    private static string SetName(int addressSize) => addressSize == 4 ? "ip4" : "ip6";

    private static void AddElements(NetlinkRequest request, int type, string table, IReadOnlyList<ConnectionEnds> connections, uint? milliseconds)
    {
        foreach (int size in AddressSizes)
        {
            int list = 0, inMessage = 0;
            foreach (ConnectionEnds ends in connections)
            {
                if (ends.Local.Length != size)
                    continue;
                if (inMessage++ % ElementsPerMessage == 0)
                {
                    if (inMessage > 1)
                        request.Close(list);
                    Begin(request, type, type == NFT_MSG_NEWSETELEM ? NLM_F_CREATE : 0, table);
                    request.Add(2, SetName(size));
                    list = request.Open(3);
                }
                AddElement(request, ends, milliseconds);
            }
            if (inMessage > 0)
                request.Close(list);
        }
    }

    private static void AddElement(NetlinkRequest request, ConnectionEnds ends, uint? milliseconds)
    {
        int size = ends.Local.Length;
        byte[] key = new byte[2 * (size + 4)];
        ends.Remote.CopyTo(key, 0);
        BinaryPrimitives.WriteUInt16BigEndian(key.AsSpan(size), (ushort)ends.RemotePort);
        ends.Local.CopyTo(key, size + 4);
        BinaryPrimitives.WriteUInt16BigEndian(key.AsSpan(2 * size + 4), (ushort)ends.LocalPort);
        int element = request.Open(1);
        int value = request.Open(1);
        request.Add(1, key);
        request.Close(value);
        if (milliseconds is { } time)
            request.AddLong(4, time);
        request.Close(element);
    }

    private static int BeginRule(NetlinkRequest request, string table, string chain)
    {
        Begin(request, NFT_MSG_NEWRULE, NLM_F_CREATE_APPEND, table);
        request.Add(2, chain);
        return request.Open(4);
    }

    private static void AddPassRule(NetlinkRequest request, string table)
    {
        const uint NFT_META_MARK = 3;
        int rule = BeginRule(request, table, "input");
        AddCondition(request, NFT_META_MARK, BitConverter.GetBytes(PassMark));
        AddVerdict(request, NF_ACCEPT);
        request.Close(rule);
    }

    /// <summary>"nfproto, tcp, source, sport, destination, dport in the set: drop"; the other way round for what we send.</summary>
    private static void AddDropRule(NetlinkRequest request, string table, string chain, int addressSize, bool remoteFirst)
    {
        const uint NFT_META_NFPROTO = 15, NFT_META_L4PROTO = 16;
        const byte NFPROTO_IPV4 = 2, NFPROTO_IPV6 = 10, IPPROTO_TCP = 6;
        const uint Network = 1, Transport = 2;
        int rule = BeginRule(request, table, chain);
        AddCondition(request, NFT_META_NFPROTO, [addressSize == 4 ? NFPROTO_IPV4 : NFPROTO_IPV6]);
        AddCondition(request, NFT_META_L4PROTO, [IPPROTO_TCP]);
        uint size = (uint)addressSize;
        uint source = size == 4 ? 12u : 8u;
        (uint first, uint second) = remoteFirst ? (0u, 1u) : (1u, 0u);
        uint half = size / 4 + 1;
        AddLoad(request, Register, Network, source + first * size, size);
        AddLoad(request, Register + half - 1, Transport, 2 * first, 2);
        AddLoad(request, Register + half, Network, source + second * size, size);
        AddLoad(request, Register + 2 * half - 1, Transport, 2 * second, 2);
        int lookup = BeginExpression(request, "lookup", out int list);
        request.Add(1, SetName(addressSize));
        request.Add(2, Register);
        EndExpression(request, lookup, list);
        AddVerdict(request, NF_DROP);
        request.Close(rule);
    }

    private static int BeginExpression(NetlinkRequest request, string name, out int list)
    {
        list = request.Open(1);
        request.Add(1, name);
        return request.Open(2);
    }

    private static void EndExpression(NetlinkRequest request, int data, int list)
    {
        request.Close(data);
        request.Close(list);
    }

    private static void AddCondition(NetlinkRequest request, uint key, ReadOnlySpan<byte> value)
    {
        int meta = BeginExpression(request, "meta", out int list);
        request.Add(1, Register);
        request.Add(2, key);
        EndExpression(request, meta, list);
        int compare = BeginExpression(request, "cmp", out list);
        request.Add(1, Register);
        request.Add(2, 0u);
        int data = request.Open(3);
        request.Add(1, value);
        request.Close(data);
        EndExpression(request, compare, list);
    }

    private static void AddLoad(NetlinkRequest request, uint register, uint header, uint offset, uint length)
    {
        int payload = BeginExpression(request, "payload", out int list);
        request.Add(1, register);
        request.Add(2, header);
        request.Add(3, offset);
        request.Add(4, length);
        EndExpression(request, payload, list);
    }

    private static void AddVerdict(NetlinkRequest request, uint code)
    {
        int immediate = BeginExpression(request, "immediate", out int list);
        request.Add(1, 0u);
        int data = request.Open(2);
        int verdict = request.Open(2);
        request.Add(1, code);
        request.Close(verdict);
        request.Close(data);
        EndExpression(request, immediate, list);
    }

    /// <summary>All of a batch or nothing of it. The kernel has done it, and answered each message, when the call returns.</summary>
    private long Send(NetlinkRequest request)
    {
        request.Begin(NFNL_MSG_BATCH_END, 0, 0, NFNL_SUBSYS_NFTABLES, acknowledge: false);
        fixed (byte* p = request.Bytes)
            RawSyscall.Call(SyscallNumber.write, "nf_tables", _link.Number, (nint)p, request.Bytes.Length);
        byte[] buffer = new byte[ReceiveSize];
        int answers = 0;
        long error = 0;
        while (true)
        {
            long length;
            fixed (byte* p = buffer)
                length = RawSyscall.Try(SyscallNumber.recvfrom, _link.Number, (nint)p, buffer.Length, SocketOptions.MSG_DONTWAIT);
            if (length == -Errno.EAGAIN)
                return error != 0 ? error : answers == request.Acknowledged ? 0 : -Errno.EIO;
            RawSyscall.Check(length, "recvfrom", "nf_tables");
            for (int at = 0; at + 20 <= length;)
            {
                int size = BinaryPrimitives.ReadInt32LittleEndian(buffer.AsSpan(at));
                int result = BinaryPrimitives.ReadInt32LittleEndian(buffer.AsSpan(at + 16));
                answers++;
                if (error == 0)
                    error = result;
                at += size + 3 & ~3;
            }
        }
    }
}
