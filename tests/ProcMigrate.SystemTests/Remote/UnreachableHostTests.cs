using ProcMigrate.Remote;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Remote;

/// <summary>Every way not to get to a host, told apart by what the real ssh says.</summary>
public sealed class UnreachableHostTests(TestHosts hosts) : RemoteTest(hosts)
{
    [Fact]
    public void UnknownHost() => AssertFails(TestHosts.Target("nosuch.invalid"), RemoteFailure.UnknownHost, "nosuch.invalid");

    [Fact]
    public void NobodyListens() => AssertFails(N2 with { Port = 2222 }, RemoteFailure.ConnectionRefused, "on port 2222");

    [Theory]
    [InlineData("10.77.0.99")]
    [InlineData("10.99.0.1")]
    public void NobodyThere(string address) =>
        AssertFails(N2 with { Options = [$"HostName={address}", "ConnectTimeout=1"] }, RemoteFailure.HostUnreachable, "does not answer");

    [Fact]
    public void KeyRefused()
    {
        Tool.Run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", Folder["key"]);
        AssertFails(
            N2 with { Options = ["IdentitiesOnly=yes"], ConfigFile = ConfigWithout("IdentityFile"), IdentityFile = Folder["key"] },
            RemoteFailure.KeyRefused, "Permission denied");
    }

    [Fact]
    public void HostKeyUnknown_IsNeverTaken()
    {
        File.WriteAllText(Folder["known_hosts"], "");
        AssertFails(N2 with { Options = [$"UserKnownHostsFile={Folder["known_hosts"]}"] }, RemoteFailure.HostKeyUnknown, "`ssh n2`");
        Assert.Empty(File.ReadAllText(Folder["known_hosts"]));
    }

    [Fact]
    public void HostKeyUnknown_IsNotTakenAlthoughTheConfigurationSaysSo()
    {
        File.WriteAllText(Folder["known_hosts"], "");
        File.WriteAllText(
            Folder["config"],
            $"Host *\nStrictHostKeyChecking accept-new\nUserKnownHostsFile {Folder["known_hosts"]}\n" + File.ReadAllText(ConfigWithout("UserKnownHostsFile")));
        AssertFails(N2 with { ConfigFile = Folder["config"] }, RemoteFailure.HostKeyUnknown, "known_hosts");
        Assert.Empty(File.ReadAllText(Folder["known_hosts"]));
    }

    [Fact]
    public void HostKeyChanged()
    {
        string known = File.ReadAllText(Path.Combine(Hosts.Folder, "known_hosts"));
        // n1's key under n2's name.
        File.WriteAllText(Folder["known_hosts"], "n2 " + known.Split('\n')[0].Split(' ', 2)[1] + "\n");
        AssertFails(N2 with { Options = [$"UserKnownHostsFile={Folder["known_hosts"]}"] }, RemoteFailure.HostKeyChanged, "another key");
    }

    [Fact]
    public void NoSshClient()
    {
        string path = Environment.GetEnvironmentVariable("PATH")!;
        Environment.SetEnvironmentVariable("PATH", Folder.Path);
        try
        {
            AssertFails(N2, RemoteFailure.SshMissing, "openssh-client");
        }
        finally
        {
            Environment.SetEnvironmentVariable("PATH", path);
        }
    }

    [Fact]
    public void NonsenseOption() => AssertFails(N2 with { Options = ["NoSuchOption=1"] }, RemoteFailure.SshFailed, "nosuchoption");

    private void AssertFails(SshTarget target, RemoteFailure expected, string words)
    {
        SentImage.Write(Image, 1);
        var e = Refused(() => Send(Image, target, "/root/"));
        Assert.True(e.Reason == expected, $"{e.Reason}: {e.Message}");
        Assert.Equal((expected.ToString(), 5, target.Host), (e.Id, e.ExitCode, e.Host));
        Assert.Contains(words, e.Message, StringComparison.Ordinal);
        e = Refused(() => Ask(target, ["doctor"]));
        Assert.Equal(expected, e.Reason);
    }

    private string ConfigWithout(string keyword)
    {
        string path = Folder[$"without-{keyword}"];
        File.WriteAllLines(path, File.ReadLines(Path.Combine(Hosts.Folder, "ssh_config")).Where(line => !line.Contains(keyword, StringComparison.Ordinal)));
        return path;
    }
}
