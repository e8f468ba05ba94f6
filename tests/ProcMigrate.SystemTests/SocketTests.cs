using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests;

/// <summary>Sockets: what is carried is right afterwards; what leads outside is refused by name, or cut as asked.</summary>
public sealed class SocketTests : SystemTest
{
    private const int Refused = 3;

    public static TheoryData<string> Parts { get; } =
    [
        "unixsockets streams", "unixsockets datagrams", "unixsockets listeners", "unixsockets family",
        "tcpsockets listening", "tcpsockets connections", "tcpsockets flood", "tcpsockets packets",
    ];

    [Theory]
    [MemberData(nameof(Parts))]
    public void Sockets_Alone_Pass(string line)
    {
        using ProgramUnderTest program = StartLine(line);
        program.AssertPasses();
    }

    [Theory]
    [MemberData(nameof(Parts))]
    public void Sockets_SavedAndRestored_Pass(string line)
    {
        using ProgramUnderTest program = StartLine(line);
        program.SaveAndRestoreChanging(Image);
        program.AssertPasses();
    }

    [Theory]
    [MemberData(nameof(Parts))]
    public void Sockets_SavedAndRestoredThreeTimes_Pass(string line)
    {
        using ProgramUnderTest program = StartLine(line);
        for (int round = 1; round <= 3; round++)
            program.SaveAndRestoreChanging(Folder[$"round-{round}.pmi"]);
        program.AssertPasses();
    }

    [Theory]
    [MemberData(nameof(Parts))]
    public void Sockets_SavedAndLeftRunning_Pass(string line)
    {
        using ProgramUnderTest program = StartLine(line);
        Binary.Save(program.Pid, Image, "--leave-running");
        program.AssertPasses();
    }

    [Fact]
    public void ConnectionToTheOutside_IsRefusedWithBothAddresses()
    {
        using TcpListener server = Server();
        using ProgramUnderTest program = Start("tcpsockets", "outside", $"{Port(server)}");
        using Socket served = server.AcceptSocket();
        Answer answer = Binary.Run("save", $"{program.Pid}", "-o", Image, "--json");
        Assert.True(answer.ExitCode == Refused, answer.ToString());
        JsonElement blocker = Assert.Single(answer.Blockers, b => b.GetProperty("id").GetString() == "NetworkConnection");
        Assert.Contains($"{served.RemoteEndPoint} to {served.LocalEndPoint}", blocker.GetProperty("what").GetString(), StringComparison.Ordinal);
        Assert.False(File.Exists(Image));
        program.AssertRuns();
    }

    [Fact]
    public void ConnectionToTheOutside_WithTcpClose_IsResetInTheRestoredProgram()
    {
        using TcpListener server = Server();
        using ProgramUnderTest program = Start("tcpsockets", "outside", $"{Port(server)}");
        using Socket served = server.AcceptSocket();
        Binary.Save(program.Pid, Image, "--tcp", "close");
        program.AssertGone();
        Binary.Restore(Image);
        program.AssertPasses();
    }

    [Fact]
    public void ListeningPort_TakenMeanwhile_IsRefusedAndNamesTheOwner()
    {
        using ProgramUnderTest program = Start("tcpsockets", "listening");
        int port = ListeningPort(program.Pid);
        Binary.Save(program.Pid, Image);
        program.AssertGone();
        var owner = new TcpListener(IPAddress.Loopback, port);
        owner.Start();
        Answer answer = Binary.Run("restore", Image, "--json");
        owner.Stop();
        Assert.True(answer.ExitCode == Refused, answer.ToString());
        JsonElement blocker = Assert.Single(answer.Blockers, b => b.GetProperty("id").GetString() == "AddressInUse");
        Assert.Contains($"process {Environment.ProcessId}", blocker.GetProperty("why").GetString(), StringComparison.Ordinal);
        Assert.Contains($":{port}", blocker.GetProperty("what").GetString(), StringComparison.Ordinal);
        Binary.Restore(Image);
        program.AssertPasses();
    }

    [Fact]
    public void UnixPeerOutside_IsRefusedAndNamesTheOwner()
    {
        string path = Folder["peer.socket"];
        using var server = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        server.Bind(new UnixDomainSocketEndPoint(path));
        server.Listen();
        using ProgramUnderTest program = ProgramUnderTest.StartCommand(
            Folder, "/usr/bin/python3", "-c", $"import socket,time; s=socket.socket(socket.AF_UNIX); s.connect('{path}'); s.send(b'x'); time.sleep(1000)");
        using Socket served = server.Accept();
        Assert.Equal(1, served.Receive(new byte[1]));
        Answer answer = Binary.Run("save", $"{program.Pid}", "-o", Image, "--json");
        Assert.True(answer.ExitCode == Refused, answer.ToString());
        JsonElement blocker = Assert.Single(answer.Blockers, b => b.GetProperty("id").GetString() == "UnixPeerOutside");
        Assert.Contains($"process {Environment.ProcessId}", blocker.GetProperty("what").GetString(), StringComparison.Ordinal);
        served.Send(Encoding.ASCII.GetBytes("still here"));
        program.AssertRuns();
    }

    private static TcpListener Server()
    {
        var server = new TcpListener(IPAddress.Loopback, 0);
        server.Start();
        return server;
    }

    private static int Port(TcpListener server) => ((IPEndPoint)server.LocalEndpoint).Port;

    /// <summary>/proc/net/tcp: local address in hexadecimal, state 0A for listening, the inode that one of its descriptors leads to.</summary>
    private static int ListeningPort(int pid)
    {
        HashSet<string?> links = [.. Directory.GetFiles($"/proc/{pid}/fd").Select(Proc.ReadLink)];
        foreach (string line in File.ReadAllLines("/proc/net/tcp").Skip(1))
        {
            string[] words = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (words[3] == "0A" && links.Contains($"socket:[{words[9]}]"))
                return Convert.ToInt32(words[1].Split(':')[1], 16);
        }
        throw new InvalidOperationException($"process {pid} listens nowhere");
    }

    private ProgramUnderTest StartLine(string line)
    {
        string[] words = line.Split(' ');
        return Start(words[0], words[1..]);
    }
}
