using System.Buffers.Binary;
using System.Net;
using ProcMigrate.Linux.Network;

namespace ProcMigrate.Engine.Kinds.Sockets;

/// <summary>sockaddr_in and sockaddr_in6 (ip(7), ipv6(7)).</summary>
internal static class InternetAddress
{
    public static int Port(byte[] address) => address.Length < 4 ? 0 : BinaryPrimitives.ReadUInt16BigEndian(address.AsSpan(2));

    /// <summary>IPv4 addresses in IPv6 clothes come out as IPv4: both ends of a connection may see it differently.</summary>
    public static IPEndPoint EndPoint(byte[] address)
    {
        bool four = address[0] == AddressFamily.AF_INET;
        var ip = new IPAddress(four ? address.AsSpan(4, 4) : address.AsSpan(8, 16));
        return new IPEndPoint(ip.IsIPv4MappedToIPv6 ? ip.MapToIPv4() : ip, Port(address));
    }

    public static IPEndPoint EndPoint(byte[] ip, int port)
    {
        var address = new IPAddress(ip);
        return new IPEndPoint(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address, port);
    }

    public static bool IsAny(byte[] address) => EndPoint(address).Address is var ip && (ip.Equals(IPAddress.Any) || ip.Equals(IPAddress.IPv6Any));

    public static string Text(byte[]? address) => address is null ? "nobody" : EndPoint(address).ToString();

    /// <summary>This host's own address for itself, any port.</summary>
    public static byte[] Loopback(int family)
    {
        byte[] address = new byte[family == AddressFamily.AF_INET ? 16 : 28];
        address[0] = (byte)family;
        if (family == AddressFamily.AF_INET)
            IPAddress.Loopback.GetAddressBytes().CopyTo(address, 4);
        else
            IPAddress.IPv6Loopback.GetAddressBytes().CopyTo(address, 8);
        return address;
    }
}
