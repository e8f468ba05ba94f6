using System.Net;
using System.Net.Sockets;
using System.Text;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Programs;

/// <summary>A client of the servers under test; each question has a connection of its own, so that none is open at a save.</summary>
internal static class Service
{
    internal static int FreePort()
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        int port = ((IPEndPoint)listener.LocalEndpoint).Port;
        listener.Stop();
        return port;
    }

    internal static Socket Tcp(int port)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Connect(IPAddress.Loopback, port);
        return socket;
    }

    internal static Socket Unix(string path)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Connect(new UnixDomainSocketEndPoint(path));
        return socket;
    }

    /// <summary>The answer of an HTTP server, with its head.</summary>
    internal static string Page(int port) => Ask(Tcp(port), "GET /page HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", null);

    /// <summary>Sends, and reads until the answer ends as expected, or the server closes.</summary>
    internal static string Ask(Socket connected, string question, string? end)
    {
        using Socket socket = connected;
        socket.ReceiveTimeout = 60_000;
        socket.Send(Encoding.ASCII.GetBytes(question));
        var answer = new StringBuilder();
        byte[] buffer = new byte[4096];
        while (end is null || !answer.ToString().EndsWith(end, StringComparison.Ordinal))
        {
            int length = socket.Receive(buffer);
            if (length == 0)
                break;
            answer.Append(Encoding.ASCII.GetString(buffer, 0, length));
        }
        return answer.ToString();
    }

    internal static void AwaitPort(ProgramUnderTest server, int port)
    {
        Wait.Until(() => !server.IsAlive || Answers(port), () => $"nobody listens at {port}: {server.Log}");
        Assert.True(server.IsAlive, server.Log);
    }

    /// <summary>Waits until the server has seen that its clients are gone: a connection to outside would be a blocker.</summary>
    internal static void AwaitIdle(int port) =>
        Wait.Until(() => !Connections(port).Any(), () => $"connections at {port} stay: {string.Join('\n', Connections(port))}");

    /// <summary>Lines of /proc/net/tcp with that local port, established or half closed, which some process still holds.</summary>
    private static IEnumerable<string> Connections(int port) =>
        from line in (Proc.ReadText("/proc/net/tcp") ?? "").Split('\n')
        let words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries)
        where words.Length > 9 && words[1].EndsWith($":{port:X4}", StringComparison.Ordinal) && (words[3] is "01" or "08")
        select line;

    private static bool Answers(int port)
    {
        try
        {
            using Socket socket = Tcp(port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
