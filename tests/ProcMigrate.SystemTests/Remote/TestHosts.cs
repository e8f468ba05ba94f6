using ProcMigrate.Remote;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Remote;

/// <summary>
/// Hosts n1 and n2 for the tests of a class. While they are up, <c>ssh</c> on PATH is the one that reaches them.
/// </summary>
public sealed class TestHosts : IDisposable
{
    private static readonly string Script = Path.Combine(Places.Root, "tests/hosts/hosts");
    private readonly TempFolder folder = new();
    private readonly string path = Environment.GetEnvironmentVariable("PATH")!;

    public TestHosts()
    {
        if (Native.GetEffectiveUserId() != 0)
            return;
        var up = Tool.Run(Script, "up", "n1", "n2", "--dir", Folder);
        Assert.True(up.ExitCode == 0, $"hosts up: {up.Error}");
        Environment.SetEnvironmentVariable("PATH", $"{Folder}/bin:{path}");
    }

    /// <summary>Where their keys and ssh_config are.</summary>
    public string Folder => folder["hosts"];

    public void Dispose()
    {
        Environment.SetEnvironmentVariable("PATH", path);
        var down = Tool.Run(Script, "down", "--dir", Folder);
        folder.Dispose();
        Assert.True(down.ExitCode == 0, $"hosts down: {down.Error}");
    }

    /// <summary>Runs a shell script on a host, without ssh, and gives its output.</summary>
    public string Do(string host, string script)
    {
        var result = Tool.Run(Script, "exec", host, "--dir", Folder, "--", "sh", "-c", script);
        Assert.True(result.ExitCode == 0, $"{host}: {script}: exit code {result.ExitCode}\n{result.Output}{result.Error}");
        return result.Output;
    }

    /// <summary>Cuts a host's cable, or mends it.</summary>
    public void Link(string host, bool up) =>
        Assert.Equal(0, Tool.Run(Script, "link", host, up ? "up" : "down", "--dir", Folder).ExitCode);

    /// <summary>Ends every session of a host's sshd the hard way, so that its connections break.</summary>
    public void KillSessions(string host) =>
        Do(host, "for p in $(cat /proc/$(cat /run/sshd.pid)/task/*/children); do kill -9 $p; done");

    internal static SshTarget Target(string host) => new(host) { Executable = Places.Binary };
}
