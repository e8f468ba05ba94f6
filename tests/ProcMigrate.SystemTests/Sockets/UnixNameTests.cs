using System.Net.Sockets;
using System.Text.Json;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Sockets;

/// <summary>Names of unix sockets: what of other programs stands under one is never touched.</summary>
public sealed class UnixNameTests : SystemTest
{
    private const int Refused = 3;

    private const string Listening = """
        path = sys.argv[2]
        s = socket.socket(socket.AF_UNIX); s.bind(path); s.listen()
        if len(sys.argv) > 3: os.rename(path, sys.argv[3])
        wait()
        check(s.getsockname() == path, f"its name is {s.getsockname()}")
        c = socket.socket(socket.AF_UNIX); c.connect(sys.argv[-1])
        a, _ = s.accept()
        c.send(b"x")
        check(a.recv(1) == b"x", "no connection")
        say("PASS")
        """;

    [Fact]
    public void OldNameOfARenamedSocket_InUseByAnother_IsLeftAlone()
    {
        string old = Folder["old"], now = Folder["now"];
        using ProgramUnderTest program = SocketProgram.Start(Folder, Listening, old, now);
        Binary.Save(program.Pid, Image);
        using Socket other = Server(old);
        Binary.Restore(Image);
        Assert.True(Answers(other, old), "the other program's socket is gone");
        program.AssertPasses();
        Assert.True(Answers(other, old), "the other program's socket is gone");
    }

    /// <summary>A link leads from the folder of the name to another: the socket is bound by one path and stands under a second.</summary>
    [Fact]
    public void SocketBoundThroughASymbolicLink_Passes()
    {
        Directory.CreateDirectory(Folder["real"]);
        File.CreateSymbolicLink(Folder["link"], Folder["real"]);
        using ProgramUnderTest program = SocketProgram.Start(Folder, Listening, Folder["link"] + "/s");
        program.SaveAndRestoreChanging(Image);
        Assert.Equal(["s"], Directory.GetFileSystemEntries(Folder["real"]).Select(Path.GetFileName));
        program.AssertPasses();
    }

    /// <summary>sock_diag shows the sockets of one network namespace; a file is seen by all of them.</summary>
    [Fact]
    public void Path_InUseInAnotherNetworkNamespace_IsRefused_AndTheSocketStays()
    {
        string path = Folder["s"];
        using ProgramUnderTest program = SocketProgram.Start(Folder, Listening, path);
        Binary.Save(program.Pid, Image);
        File.Delete(path);
        using var second = new TempFolder();
        using (ProgramUnderTest other = SocketProgram.StartBehind(["/usr/bin/unshare", "-n"], second, Listening, path))
        {
            AssertTaken(Binary.Run("check", Image, "--json"), path);
            AssertTaken(Binary.Run("restore", Image, "--json"), path);
            other.AssertPasses();
        }
        Binary.Restore(Image);
        program.AssertPasses();
    }

    /// <summary>What is done to bind such names where nobody sees it leaves nothing.</summary>
    [Fact]
    public void DeletedNames_OfAllKinds_ComeBack_AndLeaveNothing()
    {
        using ProgramUnderTest program = SocketProgram.Start(Folder, """
            os.makedirs("a/b", exist_ok=True)
            names = [b"caf\xe9", b"caf\xe9s/\xff", b"a/../b", b"a//b/./x", os.getcwdb() + b"/deep", b"./z", b"a/b/../../y", os.getcwdb() + b"//caf\xe9s/q"]
            os.mkdir(b"caf\xe9s")
            sockets = []
            for name in names:
                s = socket.socket(socket.AF_UNIX); s.bind(name); s.listen(); os.unlink(name)
                sockets.append(s)
            os.rmdir(b"caf\xe9s")
            wait()
            for name, s in zip(names, sockets):
                check(os.fsencode(s.getsockname()) == name, f"{name} is {s.getsockname()}")
            say("PASS")
            """);
        Binary.Save(program.Pid, Image);
        using var temporary = new TempFolder();
        Answer restored = Binary.RunAs(["/usr/bin/env", $"TMPDIR={temporary.Path}"], "restore", Image, "--json");
        Assert.True(restored.ExitCode == 0, $"{restored}");
        Assert.Empty(temporary.Names);
        program.AssertPasses();
    }

    [Fact]
    public void DatagramPeer_WhoseFileIsStale_IsRefusedByName()
    {
        string path = Folder["service"];
        const string service = """
            s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            if os.path.exists(sys.argv[2]): os.unlink(sys.argv[2])
            s.bind(sys.argv[2])
            wait()
            check(s.recv(10) == b"hello", "no datagram")
            say("PASS")
            """;
        using var first = new TempFolder();
        using var second = new TempFolder();
        using ProgramUnderTest old = SocketProgram.Start(first, service, path);
        using ProgramUnderTest program = SocketProgram.Start(Folder, """
            s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.connect(sys.argv[2])
            wait()
            s.send(b"hello")
            say("PASS")
            """, path);
        Binary.Save(program.Pid, Image);
        old.Signal(Native.SIGKILL);
        old.AwaitExit();
        foreach (string verb in (string[])["check", "restore"])
        {
            Answer refused = Binary.Run(verb, Image, "--json");
            Assert.True(refused.ExitCode == Refused, $"{refused}");
            JsonElement blocker = Assert.Single(refused.Blockers, b => b.GetProperty("id").GetString() == "UnixPeerMissing");
            Assert.Contains("has ended", blocker.GetProperty("why").GetString(), StringComparison.Ordinal);
        }
        using ProgramUnderTest renewed = SocketProgram.Start(second, service, path);
        Binary.Restore(Image);
        program.AssertPasses();
        renewed.AssertPasses();
    }

    private static void AssertTaken(Answer answer, string path)
    {
        Assert.True(answer.ExitCode == Refused, $"{answer}");
        JsonElement blocker = Assert.Single(answer.Blockers, b => b.GetProperty("id").GetString() == "UnixNameTaken");
        Assert.Equal(path, blocker.GetProperty("what").GetString());
    }

    private static Socket Server(string path)
    {
        var server = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        server.Bind(new UnixDomainSocketEndPoint(path));
        server.Listen();
        return server;
    }

    private static bool Answers(Socket server, string path)
    {
        if (!File.Exists(path))
            return false;
        using var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        client.Connect(new UnixDomainSocketEndPoint(path));
        if (!server.Poll(TimeSpan.FromSeconds(10), SelectMode.SelectRead))
            return false;
        server.Accept().Dispose();
        return true;
    }
}
