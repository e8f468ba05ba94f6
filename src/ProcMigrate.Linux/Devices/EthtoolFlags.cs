using System.Runtime.InteropServices;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Linux.Devices;

/// <summary>struct ethtool_value (linux/ethtool.h).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct EthtoolValue
{
    public uint cmd;
    public uint data;
}

/// <summary>What ethtool(8) asks of an interface.</summary>
public static unsafe class EthtoolFlags
{
    private const uint SIOCETHTOOL = 0x8946;
    private const uint ETHTOOL_GTXCSUM = 0x16;

    /// <summary>Whether packets are handed over without a checksum.</summary>
    public static bool HasTransmitChecksum(string name)
    {
        using Descriptor socket = InterfaceRequest.OpenSocket();
        var value = new EthtoolValue { cmd = ETHTOOL_GTXCSUM };
        InterfaceRequest request = InterfaceRequest.For(name);
        *(nint*)request.ifr_value = (nint)(&value);
        DeviceCalls.Call(socket, SIOCETHTOOL, $"ETHTOOL_GTXCSUM of {name}", ref request);
        return value.data != 0;
    }
}
