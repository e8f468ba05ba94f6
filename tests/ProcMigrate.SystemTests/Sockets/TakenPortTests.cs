using System.Text.Json;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Sockets;

/// <summary>Connections within the tree whose ports others of the host have got meanwhile, as they get any port that is free.</summary>
public sealed class TakenPortTests : SystemTest
{
    private const int Refused = 3;

    private const string Connected = """
        family, listens, waits = (socket.AF_INET6, socket.AF_INET)[sys.argv[2] == "127.0.0.1"], sys.argv[3] == "listens", sys.argv[3] == "waits"
        l = socket.socket(family); l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); l.bind((sys.argv[2], 0)); l.listen()
        c = socket.socket(family); c.connect(l.getsockname())
        a = None
        if not waits:
            a, _ = l.accept()
            a.send(b"unread")
            c.send(b"not read")
        names = [c.getsockname(), c.getpeername()]
        if not listens and not waits: l.close()
        say(f"PORTS {names[0][1]} {names[1][1]}")
        wait()
        check([c.getsockname(), c.getpeername()] == names, "other names")
        if waits:
            a, _ = l.accept()
            check(a.getpeername() == names[0], "another client")
        else:
            check(c.recv(100) == b"unread" and a.recv(100) == b"not read", "not the same bytes")
        for n in range(100):
            c.sendall(b"x" * 1000); a.sendall(b"y" * 1000)
            check(a.recv(1000, socket.MSG_WAITALL) == b"x" * 1000 and c.recv(1000, socket.MSG_WAITALL) == b"y" * 1000, "not what was sent")
        check(a.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR) == 1 and c.getsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR) == 0, "SO_REUSEADDR")
        c.close()
        check(a.recv(1) == b"", "no end")
        say("PASS")
        """;

    // A client of another server, whom the kernel gave the port; without SO_REUSEADDR, as clients are.
    private const string Occupant = """
        family = (socket.AF_INET6, socket.AF_INET)[sys.argv[2] == "127.0.0.1"]
        l = socket.socket(family); l.bind((sys.argv[2], int(sys.argv[4]))); l.listen()
        c = socket.socket(family); c.bind((sys.argv[2], int(sys.argv[3]))); c.connect(l.getsockname())
        a, _ = l.accept()
        wait()
        c.send(b"still here")
        check(a.recv(100) == b"still here", "the connection is disturbed")
        say("PASS")
        """;

    [Theory]
    [InlineData("127.0.0.1", "listens", 0)]
    [InlineData("127.0.0.1", "gone", 0)]
    [InlineData("127.0.0.1", "gone", 1)]
    [InlineData("127.0.0.1", "waits", 0)]
    [InlineData("::1", "listens", 0)]
    [InlineData("::1", "gone", 1)]
    public void PortOfAConnection_TakenByAnotherConnection_IsNoMatter(string address, string listener, int taken)
    {
        using ProgramUnderTest program = SocketProgram.Start(Folder, Connected, address, listener);
        string port = Ports(program)[taken];
        Binary.Save(program.Pid, Image);
        using var second = new TempFolder();
        using ProgramUnderTest occupant = SocketProgram.Start(second, Occupant, address, port, "0");
        Assert.Equal(0, Binary.Run("check", Image).ExitCode);
        Binary.Restore(Image);
        program.AssertPasses();
        occupant.AssertPasses();
    }

    /// <summary>One of the two ends must listen for a moment: where somebody listens at the port of one, it is the other.</summary>
    [Fact]
    public void PortOfTheServer_TakenByAListener_IsNoMatter()
    {
        using ProgramUnderTest program = SocketProgram.Start(Folder, Connected, "127.0.0.1", "gone");
        string[] ports = Ports(program);
        Binary.Save(program.Pid, Image);
        using var second = new TempFolder();
        using ProgramUnderTest occupant = SocketProgram.Start(second, Occupant, "127.0.0.1", "0", ports[1]);
        Binary.Restore(Image);
        program.AssertPasses();
        occupant.AssertPasses();
    }

    [Fact]
    public void SameConnection_OfOthers_IsRefusedAndNamesTheOwner()
    {
        using ProgramUnderTest program = SocketProgram.Start(Folder, Connected, "127.0.0.1", "gone");
        string[] ports = Ports(program);
        Binary.Save(program.Pid, Image);
        using var second = new TempFolder();
        using (ProgramUnderTest occupant = SocketProgram.Start(second, Occupant, "127.0.0.1", ports[0], ports[1]))
        {
            foreach (string verb in (string[])["check", "restore"])
            {
                Answer refused = Binary.Run(verb, Image, "--json");
                Assert.True(refused.ExitCode == Refused, $"{refused}");
                Assert.All(refused.Blockers, b => Assert.Equal("AddressInUse", b.GetProperty("id").GetString()));
                Assert.Contains(refused.Blockers, (JsonElement b) => b.GetProperty("why").GetString()!.Contains($"(process {occupant.Pid}) has this very connection", StringComparison.Ordinal));
            }
            occupant.AssertPasses();
        }
        Binary.Restore(Image);
        program.AssertPasses();
    }

    private static string[] Ports(ProgramUnderTest program) => program.Lines.Single(l => l.StartsWith("PORTS ", StringComparison.Ordinal)).Split(' ')[1..];
}
