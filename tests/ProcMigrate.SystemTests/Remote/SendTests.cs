using ProcMigrate.Remote;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Remote;

/// <summary>Sending an image to a host that has nothing but sshd.</summary>
public sealed class SendTests(TestHosts hosts) : RemoteTest(hosts)
{
    [Fact]
    public void Send_ToANewHost_BringsTheExecutableAndTheImage()
    {
        Hosts.Do("n2", "rm -rf /root/.cache/procmigrate");
        Guid id = SentImage.Write(Image, 8);
        var phases = new List<string>();
        var sent = Send(Image, N2, null, progress => phases.Add(progress.Phase));

        Assert.Equal(("n2", $"{DefaultFolder}/image.pmi", id, new FileInfo(Image).Length, false), (sent.Host, sent.Path, sent.ImageId, sent.Bytes, sent.AlreadyThere));
        Assert.Equal(["deploy", "send"], phases.Distinct());
        Assert.Equal(Sha256(Image), Sha256There(sent.Path));
        Assert.Equal("600 root\n", Hosts.Do("n2", $"stat -c '%a %U' {sent.Path}"));
        Assert.Equal("700\n", Hosts.Do("n2", $"stat -c %a {DefaultFolder}"));
        string sha = Sha256(Places.Binary);
        Assert.Equal("700\n700\n", Hosts.Do("n2", $"stat -c %a /root/.cache/procmigrate/{sha} /root/.cache/procmigrate/{sha}/procmigrate"));
        Assert.Equal("procmigrate\n", Hosts.Do("n2", $"ls -A /root/.cache/procmigrate/{sha}"));

        // Now that it is there, it does not go again; and the image neither.
        phases.Clear();
        var again = Send(Image, N2, null, progress => phases.Add(progress.Phase));
        Assert.Equal((sent.Path, true, 0.0), (again.Path, again.AlreadyThere, again.Timings.DeployMs));
        Assert.Empty(phases);
    }

    [Fact]
    public void Send_ExecutableThereDamaged_IsBroughtAnew()
    {
        SentImage.Write(Image, 1);
        string folder = FolderThere();
        Send(Image, N2, $"{folder}/1");
        string executable = $"/root/.cache/procmigrate/{Sha256(Places.Binary)}/procmigrate";
        Hosts.Do("n2", $"printf x >>{executable}");
        Assert.True(Send(Image, N2, $"{folder}/2").Timings.DeployMs > 0);
        Assert.Equal(Sha256(Places.Binary), Sha256There(executable));
    }

    [Theory]
    [InlineData("plain")]
    [InlineData("it's a \"name\" with $HOME, `id` and \\")]
    [InlineData("two\nlines\n")]
    [InlineData("-rf")]
    [InlineData("ä€😀")]
    public void Send_NamesOfEverySort_ArriveAsTheyAre(string name)
    {
        SentImage.Write(Folder[name], 1);
        string folder = FolderThere();
        var sent = Send(Folder[name], N2, folder);
        Assert.Equal($"{folder}/{name}", sent.Path);

        // And a verb there finds it.
        var outcome = Ask(N2, ["inspect", "--", sent.Path]);
        Assert.True(outcome.Succeeded, outcome.FinalLine);
        Assert.Equal(sent.ImageId, outcome.Final.GetProperty("image").GetProperty("id").GetGuid());
    }

    [Fact]
    public void Send_AnotherImageUnderTheName_OverwritesNothing()
    {
        string folder = FolderThere();
        SentImage.Write(Folder["1"], 1);
        SentImage.Write(Folder["2"], 1);
        Send(Folder["1"], N2, $"{folder}/x");
        var e = Refused(() => Send(Folder["2"], N2, $"{folder}/x"));
        Assert.Equal((RemoteFailure.NameTaken, 5, "n2"), (e.Reason, e.ExitCode, e.Host));
        Assert.Contains($"n2: {folder}/x exists already", e.Message, StringComparison.Ordinal);
        Assert.Equal(Sha256(Folder["1"]), Sha256There($"{folder}/x"));
        Assert.Equal("x\n", Hosts.Do("n2", $"ls -A {folder}"));
    }

    [Fact]
    public void Send_DamagedImage_IsRefusedThereAndNotKept()
    {
        SentImage.Write(Image, 4);
        using (var file = File.OpenWrite(Image))
        {
            file.Position = file.Length / 2;
            file.WriteByte(0);
            file.WriteByte(1);
        }
        string folder = FolderThere();
        var e = Refused(() => Send(Image, N2, folder));
        Assert.Equal((RemoteFailure.ImageRejected, 4), (e.Reason, e.ExitCode));
        Assert.Contains("image.pmi is damaged", e.Message, StringComparison.Ordinal);
        AssertNothingLeft(folder);
    }

    [Fact]
    public void Send_NoRoomForTheImage_IsToldBeforeTheTransfer()
    {
        SentImage.Write(Image, 8);
        string folder = FolderThere();
        Hosts.Do("n2", $"mount -t tmpfs -o size=4m small {folder}");
        bool started = false;
        var e = Refused(() => Send(Image, N2, folder, progress => started |= progress.Phase == "send"));
        Assert.Equal((RemoteFailure.NoSpace, false), (e.Reason, started));
        Assert.Contains("are free", e.Message, StringComparison.Ordinal);
        AssertNothingLeft(folder);
        Hosts.Do("n2", $"umount {folder}");
    }

    [Fact]
    public void Send_NoRoomForTheExecutable_SaysSo()
    {
        SentImage.Write(Image, 1);
        Hosts.Do("n2", "rm -rf /root/.cache/procmigrate; mkdir -p /root/.cache/procmigrate; mount -t tmpfs -o size=1m small /root/.cache/procmigrate");
        var e = Refused(() => Send(Image, N2, null));
        Assert.Equal(RemoteFailure.NoSpace, e.Reason);
        Assert.Equal("", Hosts.Do("n2", "find /root/.cache/procmigrate -type f"));
        Hosts.Do("n2", "umount /root/.cache/procmigrate");
    }

    [Fact]
    public void Send_CacheThatRunsNothing_SaysSo()
    {
        SentImage.Write(Image, 1);
        Hosts.Do("n2", "rm -rf /root/.cache/procmigrate; mkdir -p /root/.cache/procmigrate; mount -t tmpfs -o noexec small /root/.cache/procmigrate");
        var e = Refused(() => Send(Image, N2, null));
        Assert.Equal(RemoteFailure.DeploymentFailed, e.Reason);
        Assert.Contains("noexec", e.Message, StringComparison.Ordinal);
        Hosts.Do("n2", "umount /root/.cache/procmigrate");
    }

    [Theory]
    [InlineData("FreeBSD", "amd64")]
    [InlineData("Linux", "aarch64")]
    public void Send_ToAnotherKindOfMachine_SaysWhatItIs(string system, string machine)
    {
        SentImage.Write(Image, 1);
        Hosts.Do("n2", $"rm -rf /root/.cache/procmigrate; mv /usr/bin/uname /usr/bin/uname.kept; " +
            $"printf '#!/bin/sh\\ncase $1 in -s) echo {system};; -m) echo {machine};; esac\\n' >/usr/bin/uname; chmod 755 /usr/bin/uname");
        var e = Refused(() => Send(Image, N2, null));
        Hosts.Do("n2", "mv /usr/bin/uname.kept /usr/bin/uname; test ! -e /root/.cache/procmigrate");
        Assert.Equal(RemoteFailure.WrongArchitecture, e.Reason);
        Assert.Contains($"{system} on {machine}", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/root/missing/x", RemoteFailure.TargetUnusable)]
    [InlineData("/root/missing/", RemoteFailure.TargetUnusable)]
    [InlineData("/proc/x", RemoteFailure.TargetUnusable)]
    public void Send_ToNowhere_SaysWhere(string to, RemoteFailure expected)
    {
        SentImage.Write(Image, 1);
        var e = Refused(() => Send(Image, N2, to));
        Assert.Equal(expected, e.Reason);
        Assert.Contains(Path.GetDirectoryName(to)!, e.Message, StringComparison.Ordinal);
    }

    /// <summary>Login shells differ in how they read a command line, and start-up files in what they print.</summary>
    [Theory]
    [InlineData("/bin/dash")]
    [InlineData("/bin/bash")]
    [InlineData("/bin/tcsh")]
    [InlineData("/usr/bin/fish")]
    public void Send_ToAnOrdinaryUser_WhateverTheirShell(string shell)
    {
        Assert.SkipUnless(File.Exists(shell), $"{shell} is not installed");
        SentImage.Write(Image, 1);
        Hosts.Do("n2", $"usermod -s {shell} guest; echo 'echo welcome' >/home/guest/.bashrc; chown -R guest: /home/guest; rm -rf /home/guest/.local");
        var target = N2 with { User = "guest" };
        var sent = Send(Image, target, null);
        Assert.Equal("/home/guest/.local/state/procmigrate/images/image.pmi", sent.Path);
        Assert.True(Ask(target, ["inspect", sent.Path]).Succeeded);

        var e = Refused(() => Send(Image, target, "/etc/"));
        Assert.Equal(RemoteFailure.TargetUnusable, e.Reason);
    }

    [Fact]
    public void Send_ToAUserWithoutShell_SaysSo()
    {
        SentImage.Write(Image, 1);
        Hosts.Do("n2", "usermod -s /usr/sbin/nologin guest");
        var e = Refused(() => Send(Image, N2 with { User = "guest" }, null));
        Assert.Equal(RemoteFailure.DeploymentFailed, e.Reason);
        Assert.Contains("login shell", e.Message, StringComparison.Ordinal);
        Hosts.Do("n2", "usermod -s /bin/sh guest");
    }

    [Fact]
    public void Send_OverAJumpHost_AsSshDoes()
    {
        SentImage.Write(Image, 1);
        var sent = Send(Image, N2 with { Options = ["ProxyJump=n1"] }, FolderThere());
        Assert.Equal(Sha256(Image), Sha256There(sent.Path));
    }

    [Fact]
    public void Send_FromHostToHost_ByTheBinary()
    {
        SentImage.Write(Image, 2);
        foreach (var (here, there) in new[] { (Places.Binary, "procmigrate"), (Image, "from-n1.pmi") })
            Assert.Equal(0, Tool.Run("/bin/sh", "-c", $"ssh n1 'cat >/root/{there}; chmod 700 /root/{there}' <{here}").ExitCode);
        string output = Hosts.Do("n1", "./procmigrate send from-n1.pmi n2 --json | tail -1");
        Assert.Contains($"{DefaultFolder}/from-n1.pmi", output, StringComparison.Ordinal);
        Assert.Equal(Sha256(Image), Sha256There($"{DefaultFolder}/from-n1.pmi"));
    }
}
