using System.Globalization;
using System.Text.Json;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Sockets;

/// <summary>Sockets that a process outside the tree has open, too, as a service manager does that listens for its services.</summary>
public sealed class HandedOverTests : SystemTest
{
    private const int Refused = 3;

    // The manager has the socket; what it starts has it, too, and judges it.
    private const string Manager = """
        signal.signal(signal.SIGCHLD, signal.SIG_IGN)
        kind, path = sys.argv[2], sys.argv[3]
        if kind == "unix":
            s = socket.socket(socket.AF_UNIX); s.bind(path); s.listen()
        elif kind == "datagram":
            s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind(path)
        elif kind == "tcp":
            s = socket.socket(); s.bind(("127.0.0.1", 0)); s.listen()
        else:
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("127.0.0.1", 0))
        name = s.getsockname()
        pid = os.fork()
        if pid == 0:
            os.setsid()
            wait()
            check(s.getsockname() == name, f"{name} is {s.getsockname()}")
            say("PASS")
            os._exit(0)
        with open(path + ".pid", "w") as file: file.write(f"{pid}\n")
        while True: signal.pause()
        """;

    [Theory]
    [InlineData("unix", "UnixNameTaken")]
    [InlineData("datagram", "UnixNameTaken")]
    [InlineData("tcp", "AddressInUse")]
    [InlineData("udp", "AddressInUse")]
    public void SocketOfAManager_IsToldAtTheSave_AndTrueAtTheRestore(string kind, string id)
    {
        using ProgramUnderTest manager = SocketProgram.Start(Folder, Manager, kind, Folder["s"]);
        Wait.Until(() => Proc.ReadText(Folder["s.pid"]) is { Length: > 1 }, () => "no service");
        using ProgramUnderTest service = ProgramUnderTest.Adopt(Folder, int.Parse(Proc.ReadText(Folder["s.pid"])!, CultureInfo.InvariantCulture));
        Answer saved = Binary.Save(service.Pid, Image);
        string holder = $"python3 (process {manager.Pid})";
        Assert.Contains($"{holder} has the socket of", $"{saved}", StringComparison.Ordinal);

        Answer refused = Binary.Run("restore", Image, "--json");
        Assert.True(refused.ExitCode == Refused, $"{refused}");
        JsonElement blocker = Assert.Single(refused.Blockers, b => b.GetProperty("id").GetString() == id);
        Assert.Contains($"at the save {holder} had the program's own socket open", blocker.GetProperty("why").GetString(), StringComparison.Ordinal);
        Assert.DoesNotContain("end that program", blocker.GetProperty("remedy").GetString(), StringComparison.Ordinal);

        manager.Signal(Native.SIGKILL);
        manager.AwaitExit();
        Binary.Restore(Image);
        service.AssertPasses();
    }

    /// <summary>Nothing is said of what nobody else has.</summary>
    [Fact]
    public void SocketOfItsOwn_IsNotTold()
    {
        using ProgramUnderTest program = Start("tcpsockets", "listening");
        Assert.DoesNotContain("open, too", $"{Binary.Save(program.Pid, Image)}", StringComparison.Ordinal);
        Binary.Restore(Image);
        program.AssertPasses();
    }
}
