using System.Diagnostics;
using System.Text.Json;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests;

/// <summary>
/// A program with a connection moves to another host, and its address with it; the other side, on a third, talks on. Hosts are network
/// namespaces with cables between them, all of this test's own.
/// </summary>
public sealed class TcpMoveTests : SystemTest
{
    private const int Refused = 3;
    private const string Program = "198.18.77.1";
    private const string Peer = "198.18.77.9";
    private const string Port = "7000";

    private readonly string name = $"pmt{Environment.ProcessId}";

    // A connection without data under way: a packet of the peer before the restore would be answered with a reset by the new host.
    [Theory]
    [InlineData("call", "answer")]
    [InlineData("answer", "call")]
    public void Connection_MovedWithItsAddress_GoesOn(string moving, string staying)
    {
        try
        {
            Shell(
                $"""
                for host in old new peer; do ip netns add {name}$host; ip -n {name}$host link set lo up; done
                for host in old new; do
                    ip -n {name}peer link add $host type veth peer name cable netns {name}$host
                    ip -n {name}peer link set $host up; ip -n {name}$host link set cable up
                    ip -n {name}$host route add {Peer} dev cable
                done
                ip -n {name}peer address add {Peer}/32 dev lo
                """);
            PutAddress("old");
            using TempFolder theirs = new();
            // Whoever answers must be there first.
            using ProgramUnderTest first = StartOn(moving == "answer" ? "old" : "peer", moving == "answer" ? Folder : theirs, "answer", moving);
            using ProgramUnderTest second = StartOn(moving == "call" ? "old" : "peer", moving == "call" ? Folder : theirs, "call", moving);
            AwaitReady(first);
            AwaitReady(second);
            ProgramUnderTest program = moving == "answer" ? first : second;
            ProgramUnderTest other = moving == "answer" ? second : first;
            Answer saved = On("old", "save", $"{program.Pid}", "-o", Image, "--tcp", "migrate", "--json");
            Assert.True(saved.ExitCode == 0, saved.ToString());
            AssertAddressMissing(On("new", "restore", Image, "--json"));
            Shell($"ip -n {name}old address del {Program}/32 dev lo");
            PutAddress("new");
            Answer restored = On("new", "restore", Image, "--json");
            Assert.True(restored.ExitCode == 0, restored.ToString());
            program.Signal(Native.SIGUSR1);
            other.Signal(Native.SIGUSR1);
            Wait.Until(() => program.Lines[^1] != "READY" && other.Lines[^1] != "READY", () => $"no verdict of {program.Pid} or of who stayed ({staying})");
            Assert.Equal("PASS", program.Lines[^1]);
            Assert.Equal("PASS", other.Lines[^1]);
        }
        finally
        {
            Shell($"for host in old new peer; do ip netns del {name}$host || true; done");
        }
    }

    /// <summary>Gives the program's address to a host, and tells the peer the way there.</summary>
    private void PutAddress(string host) =>
        Shell(
            $"""
            ip -n {name}{host} address add {Program}/32 dev lo
            ip -n {name}peer route replace {Program} dev {host} src {Peer}
            """);

    private static void AssertAddressMissing(Answer answer)
    {
        Assert.True(answer.ExitCode == Refused, answer.ToString());
        Assert.Contains(answer.Blockers, b => b.GetProperty("id").GetString() == "AddressMissing"
            && b.GetProperty("what").GetString()!.Contains(Peer, StringComparison.Ordinal));
    }

    private Answer On(string host, params string[] arguments) => Binary.RunAs(["nsenter", $"--net=/run/netns/{name}{host}"], arguments);

    /// <summary>The caller dials the program's address, or the peer's if it is the program that calls.</summary>
    private ProgramUnderTest StartOn(string host, TempFolder folder, string role, string moving) =>
        ProgramUnderTest.StartCommand(
            folder, "/usr/bin/nsenter", $"--net=/run/netns/{name}{host}", Places.Program("tcpstream"), folder["out"], role,
            moving == "answer" ? Program : Peer, Port, "closed");

    private static void AwaitReady(ProgramUnderTest program) =>
        Wait.Until(() => program.Lines is [.., "READY"] || !program.IsAlive, () => $"{program.Pid} does not get ready: {program.Log}");

    private static void Shell(string script)
    {
        using Process shell = Reaper.StartChild(new("/bin/sh", ["-euc", script]));
        shell.WaitForExit();
        Assert.True(shell.ExitCode == 0, $"exit code {shell.ExitCode}: {script}");
    }
}
