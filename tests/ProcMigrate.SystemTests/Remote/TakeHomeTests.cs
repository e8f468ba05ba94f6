using System.Text.Json;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Remote;

/// <summary>The whole way: saved on n1, sent, restored on n2 from where it was called, and right there.</summary>
public sealed class TakeHomeTests : SystemTest
{
    private static readonly string Script = Path.Combine(Places.Root, "tests/hosts/hosts");

    public TakeHomeTests() => Hosts("up", "n1", "n2", "--dir", Folder["hosts"], "--share", Places.Root, "--share", Folder.Path);

    [Fact]
    public void Simulation_SavedOnN1_GoesOnOnN2_WithTheNextStep()
    {
        string pid = StartOnN1();
        AwaitSteps(10);
        Procmigrate("n1", $"save {pid} -o /root/sim.pmi");
        Assert.False(Runs("n1", pid));
        int steps = Steps();

        var sent = Procmigrate("n1", "send /root/sim.pmi n2").GetProperty("image");
        var restored = Procmigrate("n1", $"restore {sent.GetProperty("path").GetString()} --host n2");
        Assert.Equal((pid, "n2", "restore"), ($"{restored.GetProperty("pid").GetInt32()}", restored.GetProperty("host").GetString(), restored.GetProperty("verb").GetString()));
        Assert.True(Runs("n2", pid));
        Assert.False(Runs("n1", pid));
        AwaitSteps(steps + 10);
        EndOnN2(pid);
        OnHost("n2", $"{Places.Program("sim")} --verify {Folder["result"]}");
    }

    [Fact]
    public void Restore_OnAHostWhereThePidIsTaken_IsRefusedThere_AndNamesTheOwner()
    {
        string pid = StartOnN1();
        AwaitSteps(3);
        Procmigrate("n1", $"save {pid} -o /root/sim.pmi");
        Procmigrate("n1", "send /root/sim.pmi n2 --to /root/");
        OnHost("n2", $"echo {int.Parse(pid) - 1} >/proc/sys/kernel/ns_last_pid; setsid sleep 1000 </dev/null >/dev/null 2>&1 & echo $! >/root/taken");
        string taken = OnHost("n2", "cat /root/taken").Trim();
        Assert.Equal(pid, taken);

        var answer = Tool.Run(Script, "exec", "n1", "--dir", Folder["hosts"], "--", Places.Binary, "restore", "/root/sim.pmi", "--host", "n2", "--json");
        Assert.True(answer.ExitCode == 3, $"exit code {answer.ExitCode}: {answer.Output}{answer.Error}");
        var error = Last(answer.Output);
        Assert.Equal("error", error.GetProperty("event").GetString());
        Assert.Contains("sleep", error.GetRawText(), StringComparison.Ordinal);
        OnHost("n2", $"kill -9 {pid}");
    }

    private protected override void Dispose(bool disposing)
    {
        Hosts("down", "--dir", Folder["hosts"]);
        base.Dispose(disposing);
    }

    private string StartOnN1() =>
        OnHost("n1", $"{Places.Program("launch")} {Folder["log"]} {Folder.Path} {Places.Program("sim")} {Folder["result"]} --pause 20").Trim();

    private bool Runs(string host, string pid) => OnHost(host, $"test -e /proc/{pid} && echo yes || echo no") == "yes\n";

    private void EndOnN2(string pid)
    {
        OnHost("n2", $"kill {pid}");
        Wait.Until(() => !Runs("n2", pid), () => "the simulation does not end");
    }

    private int Steps() => (Proc.ReadText(Folder["result"]) ?? "").Split('\n').Count(line => line.StartsWith("step", StringComparison.Ordinal));

    private void AwaitSteps(int steps) => Wait.Until(() => Steps() >= steps, () => $"the simulation stands at step {Steps()}");

    private JsonElement Procmigrate(string host, string arguments) => Last(OnHost(host, $"{Places.Binary} {arguments} --json"));

    private static JsonElement Last(string output)
    {
        using var document = JsonDocument.Parse(output.Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1]);
        return document.RootElement.Clone();
    }

    private string OnHost(string host, string script) => Hosts("exec", host, "--dir", Folder["hosts"], "--", "sh", "-c", script);

    private static string Hosts(params string[] arguments)
    {
        var result = Tool.Run(Script, arguments);
        Assert.True(result.ExitCode == 0, $"hosts {string.Join(' ', arguments)}: exit code {result.ExitCode}\n{result.Output}{result.Error}");
        return result.Output;
    }
}
