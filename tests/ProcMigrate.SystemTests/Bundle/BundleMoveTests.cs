using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Bundle;

/// <summary>From host n1, which has a program's folder, to n2, which has never had it; and a folder that both share by sshfs.</summary>
public sealed class BundleMoveTests : SystemTest
{
    private const string App = "/opt/app";
    private static readonly string Script = Path.Combine(Places.Root, "tests/hosts/hosts");

    public BundleMoveTests() => Hosts("up", "n1", "n2", "--dir", Folder["hosts"], "--share", Places.Root, "--share", Folder.Path);

    [Fact]
    public void ProgramsWithFilesOfTheirOwn_GoOnOnN2()
    {
        string names = StartOnN1("bundled", $"{Folder["out1"]} {App} names", Folder["out1"]);
        OnHost("n1", $"mkdir /opt/plugged && cp {Places.Programs}/plugins.d/*.so /opt/plugged && echo colour=blue >/opt/plugged/settings");
        string plugins = StartOnN1("plugins", $"{Folder["out2"]} /opt/plugged", Folder["out2"]);
        Move(names, "");
        Move(plugins, "--include /opt/plugged");
        Assert.Equal("no\n", OnHost("n2", $"test -e {App} && echo yes || echo no"));
        Finish(names, Folder["out1"]);
        Finish(plugins, Folder["out2"]);
        string log = OnHost("n2", $"cat /root/.local/state/procmigrate/*/files{App}/log");
        Assert.Equal("begins. and more", log);
    }

    [Fact]
    public void Migrated_TheFilesGoAlong()
    {
        string pid = StartOnN1("bundled", $"{Folder["out"]} {App} names", Folder["out"]);
        OnHost("n1", $"{Places.Binary} migrate {pid} n2 --bundle --same-names");
        Finish(pid, Folder["out"]);
        Assert.Equal("begins. and more", OnHost("n2", $"cat /root/.local/state/procmigrate/*/files{App}/log"));
    }

    [Fact]
    public void FolderSharedBySshfs_NeedsNoBundle()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/sshfs"), "sshfs is installed for the nightly tests only (PROCMIGRATE_LONG=1 scripts/setup)");
        // n1's own folder; both hosts see it under the same name by sshfs, n1 by itself, n2 over the network.
        foreach (string host in (string[])["n1", "n2"])
        {
            OnHost("n1", "mkdir -p /srv/real");
            OnHost(host, "mkdir -p /srv/shared; test -e /dev/fuse || mknod /dev/fuse c 10 229; sshfs -o dir_cache=no,attr_timeout=0,entry_timeout=0 n1:/srv/real /srv/shared");
        }
        string pid = StartOnN1("bundled", $"{Folder["out"]} /srv/shared/app", Folder["out"]);
        // Pages written through a mapping come to the server later than the save, and change the file's time.
        Move(pid, null);
        OnHost("n2", $"kill -USR1 {pid}");
        Wait.Until(() => Lines(Folder["out"]).Length > 1, () => "no verdict on n2");
        // sshfs has times of whole seconds, and links without counts: what counts is that the same files are there.
        Assert.Equal("begins. and more", OnHost("n1", "cat /srv/real/app/log"));
        foreach (string host in (string[])["n1", "n2"])
            OnHost(host, "umount -l /srv/shared");
    }

    private protected override void Dispose(bool disposing)
    {
        Hosts("down", "--dir", Folder["hosts"]);
        base.Dispose(disposing);
    }

    private string StartOnN1(string program, string arguments, string report)
    {
        string pid = OnHost("n1", $"{Places.Program("launch")} {report}.log {Folder.Path} {Places.Program(program)} {arguments}").Trim();
        Wait.Until(() => Lines(report) is ["READY"], () => $"{program} does not get ready: {string.Join('|', Lines(report))} {Proc.ReadText(report + ".log")}");
        return pid;
    }

    /// <param name="options">null: no bundle.</param>
    private void Move(string pid, string? options)
    {
        string bundle = options is null ? "" : "--bundle " + options;
        OnHost("n1", $"{Places.Binary} save {pid} -o /root/{pid}.pmi {bundle} && {Places.Binary} send /root/{pid}.pmi n2 --to /root/{pid}.pmi");
        OnHost("n2", $"{Places.Binary} restore /root/{pid}.pmi --stdio null {(options is null ? "--file-changed accept" : "--same-names")}");
        Assert.Equal("no\n", OnHost("n1", $"test -e /proc/{pid} && echo yes || echo no"));
    }

    private void Finish(string pid, string report)
    {
        OnHost("n2", $"kill -USR1 {pid}");
        Wait.Until(() => Lines(report).Length > 1, () => "no verdict on n2");
        Assert.Equal(["READY", "PASS"], Lines(report));
    }

    private static string[] Lines(string path) => (Proc.ReadText(path) ?? "").Split('\n', StringSplitOptions.RemoveEmptyEntries);

    private string OnHost(string host, string script) =>
        Hosts("exec", host, "--dir", Folder["hosts"], "--", "sh", "-c", script);

    private static string Hosts(params string[] arguments)
    {
        var result = Tool.Run(Script, arguments);
        Assert.True(result.ExitCode == 0, $"hosts {string.Join(' ', arguments)}: exit code {result.ExitCode}\n{result.Output}{result.Error}");
        return result.Output;
    }
}
