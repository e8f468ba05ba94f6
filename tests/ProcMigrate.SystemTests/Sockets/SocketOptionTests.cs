using System.Text.Json;
using System.Text.Json.Nodes;
using ProcMigrate.SystemTests.Bundle;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Sockets;

/// <summary>Options that this kernel does not have as the one did under which the image was made.</summary>
public sealed class SocketOptionTests : SystemTest
{
    private const int Refused = 3;
    private const int SOL_SOCKET = 1;
    private const int SOL_TCP = 6;
    private const int SO_PASSCRED = 16;
    private const int SO_TXREHASH = 74;
    private const int SO_PASSPIDFD = 76;
    private const int TCP_CONGESTION = 13;

    private const string Sockets = """
        tcp, udp = socket.socket(), socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one, two = socket.socketpair()
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        wait()
        check(tcp.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1, "keepalive")
        one.send(b"x")
        check(two.recv(1) == b"x", "the pair")
        say("PASS")
        """;

    /// <summary>Linux 6.1 lets every socket have them all; since 6.16 each has its own. None of them had been set by the program.</summary>
    [Fact]
    public void OptionsThatNobodySet_OfAnOlderKernel_AreLeftOut()
    {
        using ProgramUnderTest program = SocketProgram.Start(Folder, Sockets);
        program.SaveAndRestoreChanging(Image, () => Forge(image =>
        {
            foreach (JsonObject socket in Of(image, "tcp-socket", "datagram-socket"))
            {
                Set(socket, SOL_SOCKET, SO_PASSCRED, 0);
                Set(socket, SOL_SOCKET, SO_PASSPIDFD, 0);
            }
            foreach (JsonObject socket in Of(image, "datagram-socket"))
                Set(socket, SOL_SOCKET, SO_TXREHASH, 1);
            foreach (JsonObject socket in Of(image, "unix-socket"))
                Set(socket, SOL_SOCKET, SO_TXREHASH, 255);
        }));
        program.AssertPasses();
    }

    [Fact]
    public void OptionThatThisKernelLacks_IsRefusedByName_BeforeAnythingIsMade()
    {
        using ProgramUnderTest program = SocketProgram.Start(Folder, Sockets);
        Binary.Save(program.Pid, Image);
        string good = Folder["good"];
        File.Copy(Image, good);
        Forge(image =>
        {
            foreach (JsonObject socket in Of(image, "tcp-socket"))
                Put(socket, SOL_TCP, TCP_CONGESTION, "nonesuch\0\0\0\0\0\0\0\0"u8.ToArray());
        });
        foreach (string verb in (string[])["check", "restore"])
        {
            Answer refused = Binary.Run(verb, Image, "--json");
            Assert.True(refused.ExitCode == Refused, $"{refused}");
            JsonElement blocker = Assert.Single(refused.Blockers);
            Assert.Equal("KernelFeature", blocker.GetProperty("id").GetString());
            Assert.Contains("TCP_CONGESTION = nonesuch", blocker.GetProperty("what").GetString(), StringComparison.Ordinal);
        }
        Binary.Restore(good);
        program.AssertPasses();
    }

    /// <summary>An option that can be set of an unconnected socket only, and stays readable afterwards.</summary>
    [Fact]
    public void FastOpenOfAConnectedClient_Passes()
    {
        using ProgramUnderTest program = SocketProgram.Start(Folder, """
            l = socket.socket(); l.setsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN, 5); l.bind(("127.0.0.1", 0)); l.listen()
            c = socket.socket(); c.setsockopt(socket.IPPROTO_TCP, 30, 1); c.connect(l.getsockname()); c.send(b"x")
            a, _ = l.accept()
            wait()
            check(a.recv(1) == b"x", "no byte")
            check(l.getsockopt(socket.IPPROTO_TCP, socket.TCP_FASTOPEN) == 5, "TCP_FASTOPEN")
            say("PASS")
            """);
        program.SaveAndRestoreChanging(Image);
        program.AssertPasses();
    }

    private void Forge(Action<ForgedBundle> change)
    {
        var image = new ForgedBundle(Image);
        change(image);
        image.Save(Image);
    }

    private static JsonObject[] Of(ForgedBundle image, params string[] kinds)
    {
        JsonObject[] found = [.. image.Objects.Select(o => o!.AsObject()).Where(o => kinds.Contains(o["kind"]!.GetValue<string>()))];
        Assert.NotEmpty(found);
        return found;
    }

    private static void Set(JsonObject socket, int level, int name, int value) => Put(socket, level, name, BitConverter.GetBytes(value));

    private static void Put(JsonObject socket, int level, int name, byte[] value)
    {
        JsonArray options = ForgedBundle.State(socket)["settings"]!["options"]!.AsArray();
        if (options.FirstOrDefault(o => o!["level"]!.GetValue<int>() == level && o["name"]!.GetValue<int>() == name) is { } old)
            options.Remove(old);
        options.Add(new JsonObject { ["level"] = level, ["name"] = name, ["value"] = Convert.ToBase64String(value) });
    }
}
