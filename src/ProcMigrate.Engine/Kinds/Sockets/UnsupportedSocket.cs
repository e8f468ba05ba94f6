using ProcMigrate.Linux.Network;
using static ProcMigrate.Linux.Network.SocketOptions;

namespace ProcMigrate.Engine.Kinds.Sockets;

/// <summary>The blocker for a socket of a family or protocol that no kind knows.</summary>
internal static class UnsupportedSocket
{
    private const int IPPROTO_MPTCP = 262;

    public static Blocker Describe(DescriptorFacts facts)
    {
        int family = SocketCalls.GetInt(facts.Ours, SOL_SOCKET, SO_DOMAIN);
        int type = SocketCalls.GetInt(facts.Ours, SOL_SOCKET, SO_TYPE);
        int protocol = SocketCalls.GetInt(facts.Ours, SOL_SOCKET, SO_PROTOCOL);
        string what = $"{facts.Link}, {AddressFamily.NameOf(family)} {SocketType.NameOf(type)} socket, protocol {protocol}";
        return protocol == IPPROTO_MPTCP && family is AddressFamily.AF_INET or AddressFamily.AF_INET6
            ? new Blocker(
                "Socket", facts.Process.Pid, facts.Fd, what, "Multipath TCP spreads one connection over several, which is not carried",
                "turn it off: GODEBUG=multipathtcp=0 for Go, the program's own setting elsewhere")
            : new Blocker(
                "Socket", facts.Process.Pid, facts.Fd, what, "sockets of this family are tied to this kernel or its devices", "let the program close it");
    }
}
