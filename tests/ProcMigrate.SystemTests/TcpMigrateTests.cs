using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text.Json;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests;

/// <summary>
/// Connections of which one end is saved with --tcp migrate, and the other, outside, must never notice. Both check every byte that they
/// get, and that the goodbyes come when they should.
/// </summary>
public sealed class TcpMigrateTests : SystemTest
{
    private const int Refused = 3;

    // Of the addresses for documentation (RFC 5737): nobody's.
    private const string Address = "192.0.2.77";

    private readonly Instants instants = new(20261123);

    [Theory]
    [InlineData("call", "127.0.0.1", "full")]
    [InlineData("answer", "127.0.0.1", "full")]
    [InlineData("call", "127.0.0.1", "closed")]
    [InlineData("answer", "127.0.0.1", "closed")]
    [InlineData("call", "127.0.0.1", "busy")]
    [InlineData("answer", "127.0.0.1", "busy")]
    [InlineData("call", "127.0.0.1", "goodbye")]
    [InlineData("answer", "::1", "full")]
    [InlineData("call", "::1", "closed")]
    [InlineData("answer", "::1", "closed")]
    [InlineData("answer", "::1", "goodbye")]
    public void Connection_SavedAndRestoredTwice_GoesOn(string role, string address, string mode)
    {
        using Pair pair = Connect(address, mode);
        for (int round = 1; round <= 2; round++)
        {
            string image = Folder[$"round-{round}.pmi"];
            Binary.Save(pair[role].Pid, image, "--tcp", "migrate");
            pair[role].AssertGone();
            Binary.Restore(image);
        }
        pair.AssertPasses();
    }

    [Theory]
    [InlineData("full")]
    [InlineData("busy")]
    public void Connection_SavedAndLeftRunning_GoesOn(string mode)
    {
        using Pair pair = Connect("127.0.0.1", mode);
        Answer answer = Binary.Save(pair["call"].Pid, Image, "--tcp", "migrate", "--leave-running");
        Assert.DoesNotContain("held back", answer.Output, StringComparison.Ordinal);
        pair.AssertPasses();
    }

    [Fact]
    public void Save_WithoutTheRightToHoldPackets_IsRefusedAndNamesIt()
    {
        using Pair pair = Connect("127.0.0.1", "busy");
        Answer answer = Binary.RunAs(["setpriv", "--bounding-set=-net_admin"], "save", $"{pair["call"].Pid}", "-o", Image, "--tcp", "migrate", "--json");
        Assert.True(answer.ExitCode == Refused, answer.ToString());
        JsonElement blocker = Assert.Single(answer.Blockers, b => b.GetProperty("id").GetString() == "NetworkConnection");
        Assert.Contains("cannot be taken along", blocker.GetProperty("why").GetString(), StringComparison.Ordinal);
        Assert.False(File.Exists(Image));
        pair.AssertPasses();
    }

    [Fact]
    public void Connection_RestoredWithoutItsAddress_IsRefusedAndGoesOnOnceItIsThere()
    {
        using Pair pair = ConnectOverOwnAddress();
        try
        {
            Answer saved = Binary.Save(pair["call"].Pid, Image, "--tcp", "migrate");
            Assert.Contains("nft delete table inet procmigrate_", saved.Output, StringComparison.Ordinal);
            Ip("del");
            Answer refused = Binary.Run("restore", Image, "--json");
            Assert.True(refused.ExitCode == Refused, refused.ToString());
            JsonElement blocker = Assert.Single(refused.Blockers, b => b.GetProperty("id").GetString() == "AddressMissing");
            Assert.Contains(Address, blocker.GetProperty("what").GetString(), StringComparison.Ordinal);
            Assert.False(pair["call"].IsAlive, "a refused restore has started something");
            Ip("add");
            Binary.Restore(Image);
            pair.AssertPasses();
        }
        finally
        {
            Ip("del");
        }
    }

    [Fact]
    public void Save_KilledAtAnyInstant_LeavesTheStreamRight()
    {
        using Pair pair = Connect("127.0.0.1", "busy");
        for (int kill = 0; kill < (Places.Long ? 100 : 20); kill++)
        {
            string role = kill % 2 == 0 ? "call" : "answer";
            string image = Folder[$"kill-{kill}.pmi"];
            // Every other pair of saves lets the program run on.
            string[] more = kill % 4 < 2 ? [] : ["--leave-running"];
            using Binary.Running save = Binary.Start([], ["save", $"{pair[role].Pid}", "-o", image, "--tcp", "migrate", "--json", .. more]);
            instants.Wait();
            save.Signal(Native.SIGKILL);
            save.Finish();
            instants.Saw(File.Exists(image));
            if (more.Length == 0 && pair[role].IsEnding())
            {
                Wait.Until(() => !Proc.Exists(pair[role].Pid), () => "the program does not end");
                Assert.True(File.Exists(image), "neither program nor image");
                Binary.Restore(image);
            }
            pair["call"].AssertRuns();
            pair["answer"].AssertRuns();
        }
        pair.AssertPasses();
    }

    [Fact]
    public void Restore_Killed_CanBeTriedAgain()
    {
        using Pair pair = Connect("127.0.0.1", "full");
        ProgramUnderTest saved = pair["answer"];
        Binary.Save(saved.Pid, Image, "--tcp", "migrate");
        for (int kill = 0; kill < 10 && !saved.IsAlive; kill++)
        {
            // Early on its way: of the last millisecond, docs/limits.md tells.
            using Binary.Running restore = Binary.Start([], "restore", Image, "--json");
            Thread.Sleep(kill * 2);
            restore.Signal(Native.SIGKILL);
            restore.Finish();
            if (!saved.IsEnding())
                break;
            Wait.Until(() => !Proc.Exists(saved.Pid), () => "half a process is left");
        }
        if (!saved.IsAlive)
            Binary.Restore(Image);
        pair.AssertPasses();
    }

    private static Pair ConnectOverOwnAddress()
    {
        Ip("add");
        try
        {
            return Connect(Address, "full");
        }
        catch
        {
            Ip("del");
            throw;
        }
    }

    private static void Ip(string verb)
    {
        using Process ip = Reaper.StartChild(new("ip", ["address", verb, $"{Address}/32", "dev", "lo"]));
        ip.WaitForExit();
    }

    private static Pair Connect(string address, string mode)
    {
        using var free = new TcpListener(IPAddress.Loopback, 0);
        free.Start();
        string port = ((IPEndPoint)free.LocalEndpoint).Port.ToString(CultureInfo.InvariantCulture);
        free.Stop();
        return new Pair(address, port, mode);
    }

    private sealed class Pair : IDisposable
    {
        private readonly Dictionary<string, ProgramUnderTest> ends = [];
        private readonly List<TempFolder> folders = [];

        /// <summary>Neither is ready before the other is there.</summary>
        internal Pair(string address, string port, string mode)
        {
            Task<ProgramUnderTest> answer = Task.Run(() => StartEnd("answer", address, port, mode));
            try
            {
                ends["call"] = StartEnd("call", address, port, mode);
            }
            finally
            {
                ends["answer"] = answer.GetAwaiter().GetResult();
            }
        }

        internal ProgramUnderTest this[string role] => ends[role];

        internal void AssertPasses()
        {
            foreach (ProgramUnderTest end in ends.Values)
                end.Signal(Native.SIGUSR1);
            foreach (ProgramUnderTest end in ends.Values)
                Wait.Until(() => end.Lines[^1] != "READY", () => $"no verdict of {end.Pid}");
            Assert.All(ends, end => Assert.True(end.Value.Lines[^1] == "PASS", $"{end.Key}: {end.Value.Lines[^1]}"));
        }

        public void Dispose()
        {
            foreach (ProgramUnderTest end in ends.Values)
                end.Dispose();
            foreach (TempFolder folder in folders)
                folder.Dispose();
        }

        private ProgramUnderTest StartEnd(string role, string address, string port, string mode)
        {
            var folder = new TempFolder();
            lock (folders)
                folders.Add(folder);
            return ProgramUnderTest.Start(folder, "tcpstream", role, address, port, mode);
        }
    }
}
