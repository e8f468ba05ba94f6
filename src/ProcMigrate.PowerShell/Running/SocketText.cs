using System.Buffers.Binary;
using System.Net;
using System.Text;
using System.Text.Json;

namespace ProcMigrate.PowerShell.Running;

/// <summary>What a person calls a socket, from the state that the image holds of it.</summary>
internal static class SocketText
{
    private const int AF_INET = 2;
    private const int AF_INET6 = 10;
    private const int SOCK_STREAM = 1;
    private const int TcpListen = 10;
    private const int IPPROTO_TCP = 6;
    private const int IPPROTO_UDP = 17;

    /// <summary>Null where the state is that of no socket with addresses.</summary>
    public static string? Of(string kind, JsonElement state)
    {
        if (!kind.Contains("socket", StringComparison.Ordinal) || state.ValueKind != JsonValueKind.Object)
            return null;
        return state.TryGetProperty("local", out var local) && local.ValueKind == JsonValueKind.String ? Internet(state, local)
            : state.TryGetProperty("peer", out _) ? Unix(state)
            : null;
    }

    private static string? Internet(JsonElement state, JsonElement local)
    {
        if (!local.TryGetBytesFromBase64(out var bytes) || Address(bytes) is not { } here)
            return null;
        var protocol = Number(state, "protocol") switch
        {
            IPPROTO_TCP => "tcp",
            IPPROTO_UDP => "udp",
            0 when Number(state, "type") == SOCK_STREAM => "tcp",
            var other => $"protocol {other}",
        };
        if (state.TryGetProperty("remote", out var remote) && remote.TryGetBytesFromBase64(out var there) && Address(there) is { } far)
            return $"{protocol} {here} -> {far}";
        return $"{protocol} {here}{(Number(state, "state") == TcpListen ? " listening" : "")}";
    }

    private static string? Unix(JsonElement state)
    {
        if (!state.TryGetProperty("name", out var name) || !name.TryGetBytesFromBase64(out var bytes))
            return null;
        // An abstract name begins with a zero byte, which people write as @.
        var text = Encoding.UTF8.GetString(bytes).Replace('\0', '@');
        return $"unix {text}{(Number(state, "state") == TcpListen ? " listening" : "")}";
    }

    /// <summary>struct sockaddr_in or sockaddr_in6.</summary>
    private static string? Address(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < 8)
            return null;
        var port = BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]);
        return BinaryPrimitives.ReadUInt16LittleEndian(bytes) switch
        {
            AF_INET => new IPEndPoint(new IPAddress(bytes.Slice(4, 4)), port).ToString(),
            AF_INET6 when bytes.Length >= 24 => new IPEndPoint(new IPAddress(bytes.Slice(8, 16)), port).ToString(),
            _ => null,
        };
    }

    private static int Number(JsonElement state, string name) => state.TryGetProperty(name, out var value) && value.TryGetInt32(out var number) ? number : 0;
}
