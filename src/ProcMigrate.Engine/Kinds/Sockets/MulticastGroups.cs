using System.Buffers.Binary;
using System.Globalization;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Network;
using static ProcMigrate.Linux.Network.SocketOptions;

namespace ProcMigrate.Engine.Kinds.Sockets;

/// <summary>
/// Multicast groups that a socket has joined. A socket cannot be asked which; but it can be asked for its filter of any group, so it
/// is asked for each that the host is in.
/// </summary>
internal static class MulticastGroups
{
    private const int MCAST_JOIN_GROUP = 42;
    private const int MCAST_MSFILTER = 48;

    // struct group_req and group_filter: the interface, padding, a sockaddr_storage at 8 and 128 bytes long.
    private const int AddressAt = 8;
    private const int RequestSize = 136;
    private const int FilterSize = 144;

    public static IReadOnlyList<byte[]> Of(Descriptor socket)
    {
        int family = SocketCalls.GetInt(socket, SOL_SOCKET, SO_DOMAIN);
        var joined = new List<byte[]>();
        foreach ((int index, byte[] group) in family == AddressFamily.AF_INET ? OfHost4() : OfHost6())
        {
            byte[] request = Request(family, index, group);
            if (SocketCalls.TryQueryOption(socket, Level(family), MCAST_MSFILTER, [.. request, .. new byte[FilterSize - RequestSize]]))
                joined.Add(request);
        }
        return joined;
    }

    public static void Join(Descriptor socket, int family, byte[] request, string what) =>
        SocketCalls.SetOption(socket, Level(family), MCAST_JOIN_GROUP, request, $"a multicast group of {what}");

    /// <returns>Zero for whichever the kernel chooses.</returns>
    public static int InterfaceOf(byte[] request) =>
        request.Length == RequestSize ? BinaryPrimitives.ReadInt32LittleEndian(request) : throw Restore.RestoreContext.Damaged($"a multicast group has {request.Length} bytes");

    private static int Level(int family) => family == AddressFamily.AF_INET ? SOL_IP : SOL_IPV6;

    private static byte[] Request(int family, int index, byte[] group)
    {
        byte[] request = new byte[RequestSize];
        BinaryPrimitives.WriteInt32LittleEndian(request, index);
        request[AddressAt] = (byte)family;
        group.CopyTo(request, AddressAt + (family == AddressFamily.AF_INET ? 4 : 8));
        return request;
    }

    /// <summary>/proc/net/igmp: an interface's line, then its groups, indented, as numbers in this machine's byte order.</summary>
    private static IEnumerable<(int Index, byte[] Group)> OfHost4()
    {
        int index = 0;
        foreach (string line in FileCalls.ReadText("/proc/self/net/igmp").Split('\n').Skip(1).Where(l => l.Length > 0))
        {
            string[] words = line.Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
            if (!char.IsWhiteSpace(line[0]))
                index = int.Parse(words[0], CultureInfo.InvariantCulture);
            else
                yield return (index, BitConverter.GetBytes(uint.Parse(words[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture)));
        }
    }

    private static IEnumerable<(int Index, byte[] Group)> OfHost6()
    {
        if (!File.Exists("/proc/self/net/igmp6"))
            yield break;
        foreach (string line in FileCalls.ReadText("/proc/self/net/igmp6").Split('\n').Where(l => l.Length > 0))
        {
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            yield return (int.Parse(words[0], CultureInfo.InvariantCulture), Convert.FromHexString(words[2]));
        }
    }
}
