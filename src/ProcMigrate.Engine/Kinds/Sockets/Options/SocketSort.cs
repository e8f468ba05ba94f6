using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Network;
using static ProcMigrate.Linux.Network.SocketOptions;

namespace ProcMigrate.Engine.Kinds.Sockets.Options;

/// <summary>What socket(2) was told: which options a socket has follows from that.</summary>
internal readonly record struct SocketSort(int Family, int Type, int Protocol)
{
    public static SocketSort Of(Descriptor socket) => new(
        SocketCalls.GetInt(socket, SOL_SOCKET, SO_DOMAIN), SocketCalls.GetInt(socket, SOL_SOCKET, SO_TYPE), SocketCalls.GetInt(socket, SOL_SOCKET, SO_PROTOCOL));

    public Descriptor Create(string what) => SocketCalls.Create(Family, Type, Protocol, what);
}
