using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Remote;

/// <summary>
/// n1, a copy of this machine; deb, whose root folder is another Debian release without python; vm, an emulated machine with an older kernel and
/// a processor of its own. They share nothing but, n1 alone, the folders given to it.
/// </summary>
public sealed class DifferentHosts : IDisposable
{
    private static readonly string Hosts = Path.Combine(Places.Root, "tests/hosts/hosts");
    private static readonly string Images = Path.Combine(Places.Root, "tests/hosts/images");
    private readonly TempFolder folder = new();

    public DifferentHosts()
    {
        if (!Places.Long || Native.GetEffectiveUserId() != 0)
            return;
        string deb = Run(Images, "root", "trixie").Trim(), machine = Run(Images, "machine", "bookworm").Trim();
        Directory.CreateDirectory(Work);
        Run(Hosts, "up", "n1", "--dir", Folder, "--share", Places.Root, "--share", Work, "--root", $"deb={deb}", "--machine", $"vm={machine}");
        // Saving there is done there: so it is as on n1.
        File.Copy(Places.Binary, $"{Work}/procmigrate");
        On("n1", $"for host in n1 deb vm; do ssh $host 'mkdir -p {Work} && cat >{Binary} && chmod 755 {Binary}' <{Work}/procmigrate || exit 1; done");
    }

    /// <summary>Where procmigrate is on each host.</summary>
    public const string Binary = "/usr/local/bin/procmigrate";

    /// <summary>A folder that exists on each host; n1's is this machine's.</summary>
    public string Work => folder["work"];

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

    internal Tool.Result Try(string host, string script) => Tool.Run(Hosts, "exec", host, "--dir", Folder, "--", "sh", "-c", script);

    private static string Run(string command, params string[] arguments)
    {
        Tool.Result result = Tool.Run(command, arguments);
        Assert.True(result.ExitCode == 0, $"{command} {string.Join(' ', arguments)}: {result.Output}{result.Error}");
        return result.Output;
    }
}
