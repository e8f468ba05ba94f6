using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Remote;

/// <summary>n1, a copy of this machine, and old, an emulated one whose processor has fewer vector registers.</summary>
public sealed class OtherProcessorHosts : IDisposable
{
    private const string Processor = "SandyBridge";

    private static readonly string Hosts = Path.Combine(Places.Root, "tests/hosts/hosts");
    private readonly TempFolder folder = new();

    public OtherProcessorHosts()
    {
        if (!Places.Long || Native.GetEffectiveUserId() != 0)
            return;
        string machine = Run(Path.Combine(Places.Root, "tests/hosts/images"), "machine", "bookworm").Trim();
        Run("env", $"PROCMIGRATE_TEST_CPU={Processor}", Hosts, "up", "n1", "--dir", Folder, "--share", Places.Root, "--machine", $"old={machine}");
        On("n1", $"install -D {Places.Binary} /usr/local/bin/procmigrate");
        foreach (string file in (string[])["/usr/local/bin/procmigrate", Places.Program("launch"), Places.Program("lazy")])
            On("n1", $"ssh old 'cat >/usr/local/bin/{Path.GetFileName(file)} && chmod 755 /usr/local/bin/{Path.GetFileName(file)}' <{file}");
        On("n1", "tar -C / --exclude=__pycache__ --exclude=test --exclude=config-* -chz $(cd / && ls -d usr/bin/python3 usr/lib/python3.* lib/x86_64-linux-gnu/lib{z,expat,ffi,crypto}.so.*) | ssh old tar -xz -C /");
    }

    private string Folder => folder["hosts"];

    public void Dispose()
    {
        Tool.Result down = Tool.Run(Hosts, "down", "--dir", Folder);
        folder.Dispose();
        Assert.True(down.ExitCode == 0, $"hosts down: {down.Error}");
    }

    /// <summary>Runs a shell script on a host, insists that it goes well, and gives its output.</summary>
    internal string On(string host, string script)
    {
        Tool.Result result = Try(host, script);
        Assert.True(result.ExitCode == 0, $"{host}: {script}: exit code {result.ExitCode}\n{result.Output}{result.Error}");
        return result.Output;
    }

    internal Tool.Result Try(string host, string script) => Tool.Run(Hosts, "exec", host, "--dir", Folder, "--", "bash", "-c", script);

    private static string Run(string command, params string[] arguments)
    {
        Tool.Result result = Tool.Run(command, arguments);
        Assert.True(result.ExitCode == 0, $"{command} {string.Join(' ', arguments)}: {result.Output}{result.Error}");
        return result.Output;
    }
}
