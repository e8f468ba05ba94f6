using System.Diagnostics;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Remote;

/// <summary>The test hosts themselves: apart from each other, and gone without a trace.</summary>
public sealed class TestHostsTests : SystemTest
{
    private static readonly string Script = Path.Combine(Places.Root, "tests/hosts/hosts");

    [Fact]
    public void Hosts_AreApart_ReachEachOther_AndShareOnlyWhatIsShared()
    {
        string before = Machine();
        string shared = Directory.CreateDirectory(Folder["shared"]).FullName;
        Run("up", "--dir", Folder["hosts"], "--share", shared);
        Assert.Equal("n1\n", OnHost("n1", "hostname"));
        OnHost("n1", $"echo n1 >/root/mine; echo n1 >/tmp/mine; echo n1 >/run/mine; echo n1 >{shared}/ours");
        Assert.Equal("1\n", OnHost("n2", "ls /root/mine /tmp/mine /run/mine 2>/dev/null | wc -l | xargs test 0 = && echo 1"));
        Assert.Equal("n1\n", OnHost("n2", $"cat {shared}/ours"));
        Assert.False(File.Exists("/root/mine"));
        Assert.Equal("n2\nn1\n", OnHost("n1", "ssh n2 'hostname; ssh n1 hostname'"));
        Assert.Equal("1\n", OnHost("n1", "ps -o pid= -p 1 | tr -d ' '"));
        // Each host has its own range of pids.
        Assert.NotEqual(OnHost("n1", "echo $$"), OnHost("n2", "echo $$"));
        Run("down", "--dir", Folder["hosts"]);
        Run("down", "--dir", Folder["hosts"]);
        Assert.Equal(before, Machine());
        Assert.False(Directory.Exists(Folder["hosts"]));
    }

    [Fact]
    public void Hosts_ReapOrphans()
    {
        Run("up", "n1", "--dir", Folder["hosts"]);
        string pid = OnHost("n1", "sh -c 'sleep 0.1 & echo $!' | cat").Trim();
        Wait.Until(() => OnHost("n1", $"test -e /proc/{pid} && echo there || echo gone") == "gone\n", () => $"zombie {pid} stays");
        Run("down", "--dir", Folder["hosts"]);
    }

    [Fact]
    public void Hosts_OfTwoRuns_DoNotMeet()
    {
        Run("up", "n1", "--dir", Folder["hosts"]);
        Run("up", "n1", "--dir", Folder["others"]);
        OnHost("n1", "touch /root/mine");
        Assert.Equal("0\n", Run("exec", "n1", "--dir", Folder["others"], "--", "sh", "-c", "ls /root | grep -c mine || true"));
        Run("down", "--dir", Folder["others"]);
        Assert.Equal("n1\n", OnHost("n1", "hostname"));
        Run("down", "--dir", Folder["hosts"]);
    }

    [Fact]
    public void Hosts_OwnerKilled_AreGoneWithoutATrace()
    {
        string before = Machine();
        using var owner = Reaper.StartChild(new("/bin/sleep", "1000"));
        Run("up", "--dir", Folder["hosts"], "--owner", $"{owner.Id}");
        owner.Kill();
        owner.WaitForExit();
        Wait.Until(() => !Directory.Exists(Folder["hosts"]), () => "the hosts outlive their owner");
        Wait.Until(() => Machine() == before, () => $"a trace stays:\n{Machine()}\nbefore:\n{before}");
    }

    [Fact]
    public void Hosts_SupervisorKilled_DieWithIt_AndTheNextUpCleansTheFolder()
    {
        string before = Machine();
        Run("up", "--dir", Folder["hosts"]);
        string init = Run("list", "--dir", Folder["hosts"]).Split(' ', '\n')[2];
        // The lab's first process belongs to unshare, and that to the supervisor.
        string lab = File.ReadAllText(Path.Combine(Folder["hosts"], "lab.pid")).Trim();
        Assert.Equal(0, Native.Kill(ParentOf(ParentOf(int.Parse(lab))), 9));
        Wait.Until(() => !Directory.Exists($"/proc/{init}"), () => "a host outlives its supervisor");
        Assert.Equal(1, Tool.Run(Script, "list", "--dir", Folder["hosts"]).ExitCode);
        Run("up", "--dir", Folder["hosts"]);
        Assert.Equal("n2\n", OnHost("n2", "hostname"));
        Run("down", "--dir", Folder["hosts"]);
        Assert.Equal(before, Machine());
    }

    [Fact]
    public void Run_GivesTheCommandsExitCode_AndTakesTheHostsDown()
    {
        var result = Tool.Run(Script, "run", "a", "b", "--dir", Folder["hosts"], "--", "sh", "-c", "ssh a ssh b hostname; exit 7");
        Assert.Equal((7, "b\n"), (result.ExitCode, result.Output));
        Assert.False(Directory.Exists(Folder["hosts"]));
    }

    [Fact]
    public void Up_InAFolderWithOtherThings_IsRefusedAndTouchesNothing()
    {
        File.WriteAllText(Folder["mine"], "mine");
        var result = Tool.Run(Script, "up", "--dir", Folder.Path);
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("is not empty", result.Error, StringComparison.Ordinal);
        Run("down", "--dir", Folder.Path);
        Assert.Equal(["mine"], Folder.Names);
    }

    /// <summary>What the hosts must leave as it was: links, routes, mounts, and no process that knows their folder.</summary>
    private string Machine() =>
        string.Concat(Directory.GetDirectories("/sys/class/net").Order(StringComparer.Ordinal)) + "\n" + File.ReadAllText("/proc/net/route")
        + File.ReadAllText("/proc/self/mountinfo") + string.Join('\n', Directory.GetDirectories("/proc").Where(KnowsTheFolder));

    private bool KnowsTheFolder(string process) =>
        Proc.ReadText($"{process}/cmdline") is { } command && command.Contains(Folder["hosts"], StringComparison.Ordinal);

    private static int ParentOf(int pid) =>
        int.Parse(File.ReadAllText($"/proc/{pid}/stat").Split(") ")[^1].Split(' ')[1]);

    private string OnHost(string host, string script) => Run("exec", host, "--dir", Folder["hosts"], "--", "sh", "-c", script);

    private static string Run(params string[] arguments)
    {
        var result = Tool.Run(Script, arguments);
        Assert.True(result.ExitCode == 0, $"hosts {string.Join(' ', arguments)}: exit code {result.ExitCode}\n{result.Error}");
        return result.Output;
    }
}
