using ProcMigrate.Linux;
using ProcMigrate.Linux.Network;

namespace ProcMigrate.Engine.Kinds.Sockets;

/// <summary>Names of unix sockets (unix(7)), between the kernel's sockaddr_un and the bytes that matter.</summary>
internal static class UnixName
{
    private const int FamilySize = 2;

    /// <returns>Null for a socket without a name.</returns>
    public static byte[]? Of(ReadOnlySpan<byte> address)
    {
        if (address.Length <= FamilySize)
            return null;
        ReadOnlySpan<byte> name = address[FamilySize..];
        // The kernel counts a path's final zero into the length; in an abstract name every byte counts.
        return name[0] == 0 ? name.ToArray() : name.TrimEnd((byte)0).ToArray();
    }

    public static bool IsAbstract(byte[] name) => name.Length == 0 || name[0] == 0;

    public static byte[] Address(ReadOnlySpan<byte> name)
    {
        bool path = !name.IsEmpty && name[0] != 0;
        byte[] address = new byte[FamilySize + name.Length + (path ? 1 : 0)];
        address[0] = AddressFamily.AF_UNIX;
        name.CopyTo(address.AsSpan(FamilySize));
        return address;
    }

    public static string Text(byte[]? name) =>
        name is null or { Length: 0 } ? "without a name" : IsAbstract(name) ? "@" + CString.Decode(name.AsSpan(1)).Replace('\0', '@') : CString.Decode(name);
}
