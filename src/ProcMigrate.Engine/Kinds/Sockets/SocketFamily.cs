using System.Runtime.CompilerServices;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Network;
using static ProcMigrate.Linux.Network.SocketOptions;

namespace ProcMigrate.Engine.Kinds.Sockets;

/// <summary>Which family a descriptor's socket is of; asked once, although every kind wants to know.</summary>
internal static class SocketFamily
{
    private const string Prefix = "socket:[";

    private static readonly ConditionalWeakTable<DescriptorFacts, object> Known = [];

    /// <returns>Null where it is no socket. (An O_PATH descriptor of a socket's file is none.)</returns>
    public static int? Of(DescriptorFacts facts)
    {
        if (facts.Status.Type != FileType.Socket || !facts.Link.StartsWith(Prefix, StringComparison.Ordinal))
            return null;
        return (int)Known.GetValue(facts, f => SocketCalls.GetInt(f.Ours, SOL_SOCKET, SO_DOMAIN));
    }
}
