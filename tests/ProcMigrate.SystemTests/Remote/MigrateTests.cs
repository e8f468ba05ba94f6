using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Remote;

/// <summary>
/// The simulation goes from host to host, and whatever breaks on the way, there is exactly one of it: its result file, which both
/// hosts share, would show a step done twice, left out or wrong.
/// </summary>
public sealed class MigrateTests : SystemTest
{
    private static readonly string Script = Path.Combine(Places.Root, "tests/hosts/hosts");
    private static readonly string Cut = Path.Combine(Places.Root, "tests/hosts/lib/cut");
    private static readonly int Rounds = Places.Long ? 100 : 5;

    /// <summary>Bytes at the end of a connection in which all the decisions fall.</summary>
    private const int LastBytes = 6000;

    private readonly List<string> pids = [];
    private string here = "n1", there = "n2";

    public MigrateTests() => Hosts("up", "n1", "n2", "--dir", Folder["hosts"], "--share", Places.Root, "--share", Folder.Path);

    [Fact]
    public void Simulation_GoesThereAndBack_AndLeavesNothing()
    {
        string pid = Start();
        var result = Succeed("migrate", pid, there);
        Assert.Equal((pid, "n2", "migrate"), ($"{result.GetProperty("pid").GetInt32()}", result.GetProperty("host").GetString(), result.GetProperty("verb").GetString()));
        Assert.True(result.GetProperty("timings").GetProperty("freezeMs").GetDouble() > 0);
        Assert.True(result.GetProperty("sentBytes").GetInt64() > 0);
        AssertExactlyOne(pid, arrived: true);
        Succeed("migrate", pid, there);
        AssertExactlyOne(pid, arrived: true);
        EndAndVerify(pid);
    }

    [Fact]
    public void WithANamespaceOfItsOwn_ThoughThePidIsTaken()
    {
        string pid = Start();
        Take(pid);
        var refused = Procmigrate("migrate", pid, there);
        Assert.Equal(3, refused.ExitCode);
        Assert.Contains("PidInUse", refused.Output, StringComparison.Ordinal);
        Assert.Contains("on n2", refused.Output, StringComparison.Ordinal);
        AssertRuns(here, pid);

        var moved = Succeed("migrate", pid, there, "--pid-namespace", "--compress", "lz4");
        string outer = $"{moved.GetProperty("pid").GetInt32()}";
        Assert.NotEqual(pid, outer);
        Assert.False(Lives(here, pid));
        AssertRuns(there, outer);
        OnHost(there, $"kill {outer}");
        Wait.Until(() => !Lives(there, outer), () => "the simulation does not end");
        OnHost(there, $"{Places.Program("sim")} --verify {Folder["result"]}");
    }

    /// <summary>A single process takes its memory as it comes: a disk over there that has no room for it does not matter.</summary>
    [Fact]
    public void Memory_PassesThroughNoFile()
    {
        const string SmallDisk = "mkdir -p /root/.local/state && mount -t tmpfs -o size=1m none /root/.local/state";
        string pid = Start();
        OnHost(there, SmallDisk);
        Succeed("save", pid, "-o", Folder["sim.pmi"], "--leave-running");
        Assert.Equal(0, Procmigrate("check", pid, "--host", there).ExitCode);
        Assert.Contains("DiskSpace", Procmigrate("check", Folder["sim.pmi"], "--host", there).Output, StringComparison.Ordinal);
        Succeed("migrate", pid, there, "--compress", "none");
        AssertExactlyOne(pid, arrived: true);
        // The other kinds of tree need the room, and are told so before any of it moves.
        OnHost(there, SmallDisk);
        var refused = Procmigrate("migrate", pid, there, "--keep-image");
        Assert.Equal(3, refused.ExitCode);
        Assert.Contains("DiskSpace", refused.Output, StringComparison.Ordinal);
        AssertExactlyOne(pid, arrived: false);
        EndAndVerify(pid);
    }

    /// <summary>The clocks of the tree are set when its memory has come, in a process that is there already.</summary>
    [Fact]
    public void Clocks_GoOnWhereTheyWere()
    {
        const int Days = 864_000;
        string pid = OnHost(
            here, $"unshare -T --monotonic {Days} --boottime {Days} {Places.Program("launch")} {Folder["log"]} {Folder.Path} {Places.Program("sim")} {Folder["result"]} --pause 20").Trim();
        pids.Add(pid);
        AwaitSteps(3);
        // The command lives by the same clocks as the tree: these are then what the tree's is to be over there.
        string moved = OnHost(here, $"nsenter -t {pid} -T {Places.Binary} migrate {pid} {there} --json");
        Assert.Contains("\"event\":\"result\"", moved, StringComparison.Ordinal);
        AssertExactlyOne(pid, arrived: true);
        Assert.Equal($"monotonic {Days} 0 boottime {Days} 0", string.Join(' ', OnHost(here, $"cat /proc/{pid}/timens_offsets").Split(default(char[]), StringSplitOptions.RemoveEmptyEntries)));
        EndAndVerify(pid);
    }

    [Fact]
    public void Check_AsksTheHost_AndMovesNothing()
    {
        string pid = Start();
        Assert.Equal(0, Procmigrate("check", pid, "--host", there).ExitCode);
        Take(pid);
        var check = Procmigrate("check", pid, "--host", there);
        Assert.True(check.ExitCode == 3, check.Output + check.Error);
        Assert.Contains("PidInUse", check.Output, StringComparison.Ordinal);
        Succeed("save", pid, "-o", Folder["sim.pmi"], "--leave-running", "--compress", "lz4");
        Assert.Contains("PidInUse", Procmigrate("check", Folder["sim.pmi"], "--host", there).Output, StringComparison.Ordinal);
        AssertRuns(here, pid);
        AssertNothingLeft();
    }

    [Fact]
    public void ConnectionCut_AtRandomBytes()
    {
        string pid = Start();
        Succeed("migrate", pid, there, "--compress", "none", "--ssh-option", $"ProxyCommand={Cut} %h %p -1 {Folder["bytes"]}");
        AssertExactlyOne(pid, arrived: true);
        int total = int.Parse(File.ReadAllText(Folder["bytes"]), CultureInfo.InvariantCulture);
        for (int i = 0; i < Rounds; i++)
        {
            // At the end by turns in each part of it: the moments there are few bytes wide.
            int bytes = i % 2 == 0 ? Random.Shared.Next(total) : total - (int)(LastBytes * (i - 1 + 2 * Random.Shared.NextDouble()) / Rounds);
            var answer = Procmigrate("migrate", pid, there, "--compress", "none", "--ssh-option", $"ProxyCommand={Cut} %h %p {bytes}");
            AssertExactlyOne(pid, arrived: answer.ExitCode == 0, $"cut after {bytes} of {total} bytes: {answer.Output}{answer.Error}");
        }
        EndAndVerify(pid);
    }

    [Theory]
    [InlineData("the far side")]
    [InlineData("ssh")]
    [InlineData("the near side")]
    public void Killed_AtARandomMoment(string what)
    {
        string pid = Start();
        var watch = Stopwatch.StartNew();
        Succeed("migrate", pid, there);
        AssertExactlyOne(pid, arrived: true);
        double whole = watch.Elapsed.TotalMilliseconds;
        for (int i = 0; i < Rounds; i++)
        {
            Tool.Result answer = default;
            var running = new Thread(() => answer = Procmigrate("migrate", pid, there));
            running.Start();
            Thread.Sleep((int)(Random.Shared.NextDouble() * whole));
            KillAll(what == "the far side" ? there : here, what == "ssh" ? "*/ssh" : "*/procmigrate");
            running.Join();
            // What the near side did not live to tell shows in where the simulation is.
            bool arrived = answer.ExitCode == 0 || what == "the near side" && Settled(pid);
            AssertExactlyOne(pid, arrived, $"{what} killed: {answer.Output}{answer.Error}");
        }
        EndAndVerify(pid);
    }

    private protected override void Dispose(bool disposing)
    {
        foreach (string host in (string[])["n1", "n2"])
        {
            foreach (string pid in pids)
                Tool.Run(Script, "exec", host, "--dir", Folder["hosts"], "--", "kill", "-9", pid);
        }
        Hosts("down", "--dir", Folder["hosts"]);
        base.Dispose(disposing);
    }

    private string Start()
    {
        string pid = OnHost(here, $"{Places.Program("launch")} {Folder["log"]} {Folder.Path} {Places.Program("sim")} {Folder["result"]} --pause 20").Trim();
        pids.Add(pid);
        AwaitSteps(3);
        return pid;
    }

    /// <summary>Gives the pid to another program over there.</summary>
    private void Take(string pid)
    {
        OnHost(there, $"echo {int.Parse(pid, CultureInfo.InvariantCulture) - 1} >/proc/sys/kernel/ns_last_pid; setsid sleep 1000 </dev/null >/dev/null 2>&1 & echo $! >/root/taken");
        Assert.Equal(pid, OnHost(there, "cat /root/taken").Trim());
    }

    /// <summary>The engine on the near side is dead; waits until its stand-by, if it came so far, has settled the matter.</summary>
    private bool Settled(string pid)
    {
        Wait.Until(() => Left(here) == "" && Lives(here, pid) != Lives(there, pid), () => $"not settled: {Left(here)} on {here}, {Left(there)} on {there}");
        return Lives(there, pid);
    }

    private void AssertExactlyOne(string pid, bool arrived, string context = "")
    {
        string oldHere = here;
        if (arrived)
            (here, there) = (there, here);
        Wait.Until(
            () => Lives(here, pid) && !Lives(there, pid) && Left("n1") == "" && Left("n2") == "",
            () => $"on {oldHere} it was; {here}: {State(here, pid)}, left {Left(here)}; {there}: {State(there, pid)}, left {Left(there)}. {context}");
        AssertRuns(here, pid);
    }

    private void AssertRuns(string host, string pid)
    {
        int steps = Steps();
        Wait.Until(() => Steps() > steps + 1, () => $"the simulation does not go on on {host}: {State(host, pid)}");
    }

    private void AssertNothingLeft() => Wait.Until(() => Left("n1") == "" && Left("n2") == "", () => $"n1: {Left("n1")}, n2: {Left("n2")}");

    /// <summary>Files of migrations, and processes of ours.</summary>
    private string Left(string host) => OnHost(
        host, "ls -A /root/.local/state/procmigrate/migrations 2>/dev/null; ls -l /proc/[0-9]*/exe 2>/dev/null | grep '/procmigrate$' || true");

    private bool Lives(string host, string pid) => OnHost(host, $"readlink /proc/{pid}/exe || true").Trim() == Places.Program("sim");

    private string State(string host, string pid) => OnHost(host, $"grep ^State /proc/{pid}/status || true").Trim();

    private void KillAll(string host, string executable) => OnHost(
        host, "for p in /proc/[0-9]*; do case $(tr '\\0' ' ' <$p/cmdline 2>/dev/null) in *--stand-by*) continue;; esac; "
            + $"case $(readlink $p/exe) in {executable}) kill -9 ${{p#/proc/}} || true;; esac; done");

    private void EndAndVerify(string pid)
    {
        OnHost(here, $"kill {pid}");
        Wait.Until(() => !Lives(here, pid), () => "the simulation does not end");
        OnHost(here, $"{Places.Program("sim")} --verify {Folder["result"]}");
    }

    private int Steps() => (Proc.ReadText(Folder["result"]) ?? "").Split('\n').Count(line => line.StartsWith("step", StringComparison.Ordinal));

    private void AwaitSteps(int steps) => Wait.Until(() => Steps() >= steps, () => $"the simulation stands at step {Steps()}");

    private JsonElement Succeed(params string[] arguments)
    {
        var answer = Procmigrate(arguments);
        Assert.True(answer.ExitCode == 0, $"{string.Join(' ', arguments)}: exit code {answer.ExitCode}: {answer.Output}{answer.Error}");
        using var document = JsonDocument.Parse(answer.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1]);
        return document.RootElement.Clone();
    }

    private Tool.Result Procmigrate(params string[] arguments) =>
        Tool.Run(Script, ["exec", here, "--dir", Folder["hosts"], "--", Places.Binary, .. arguments, "--json"]);

    private string OnHost(string host, string script) => Hosts("exec", host, "--dir", Folder["hosts"], "--", "sh", "-c", script);

    private static string Hosts(params string[] arguments)
    {
        var result = Tool.Run(Script, arguments);
        Assert.True(result.ExitCode == 0, $"hosts {string.Join(' ', arguments)}: exit code {result.ExitCode}\n{result.Output}{result.Error}");
        return result.Output;
    }
}
