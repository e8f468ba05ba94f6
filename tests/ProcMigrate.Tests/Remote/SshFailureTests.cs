using ProcMigrate.Remote;
using ProcMigrate.Remote.Ssh;
using Xunit;

namespace ProcMigrate.Tests.Remote;

public class SshFailureTests
{
    /// <summary>What OpenSSH 9.2 said in each case.</summary>
    public static TheoryData<string, RemoteFailure> Said => new()
    {
        { "ssh: Could not resolve hostname nosuch.invalid: Temporary failure in name resolution", RemoteFailure.UnknownHost },
        { "ssh: Could not resolve hostname nosuch.invalid: Name or service not known", RemoteFailure.UnknownHost },
        { "ssh: connect to host 10.77.0.1 port 2222: Connection refused", RemoteFailure.ConnectionRefused },
        {
            "channel 0: open failed: connect failed: Connection refused\nstdio forwarding failed\nkex_exchange_identification: Connection closed by remote host",
            RemoteFailure.ConnectionRefused
        },
        { "ssh: connect to host 10.77.0.9 port 22: Connection timed out", RemoteFailure.HostUnreachable },
        { "ssh: connect to host 10.77.0.9 port 22: No route to host", RemoteFailure.HostUnreachable },
        { "ssh: connect to host 10.99.0.9 port 22: Network is unreachable", RemoteFailure.HostUnreachable },
        {
            "No ED25519 host key is known for n1 and you have requested strict checking.\r\nHost key verification failed.",
            RemoteFailure.HostKeyUnknown
        },
        {
            "@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @\nOffending ED25519 key in /root/.ssh/known_hosts:2\n" +
            "Host key for n1 has changed and you have requested strict checking.\nHost key verification failed.",
            RemoteFailure.HostKeyChanged
        },
        { "root@10.77.0.1: Permission denied (publickey).", RemoteFailure.KeyRefused },
        { "Received disconnect from 10.77.0.1 port 22:2: Too many authentication failures\nDisconnected from 10.77.0.1 port 22", RemoteFailure.KeyRefused },
        { "Connection to 10.77.0.1 closed by remote host.", RemoteFailure.ConnectionCut },
        { "kex_exchange_identification: Connection closed by remote host", RemoteFailure.ConnectionCut },
        { "Timeout, server n1 not responding.", RemoteFailure.ConnectionCut },
        { "client_loop: send disconnect: Broken pipe", RemoteFailure.ConnectionCut },
        { "Connection reset by 10.77.0.1 port 22", RemoteFailure.ConnectionCut },
        { "command-line: line 0: Bad configuration option: badoption", RemoteFailure.SshFailed },
        { "Unable to negotiate with 10.77.0.1 port 22: no matching key exchange method found.", RemoteFailure.SshFailed },
        { "", RemoteFailure.SshFailed },
    };

    [Theory]
    [MemberData(nameof(Said))]
    public void Classify_WhatSshSays_IsTold(string stderr, RemoteFailure expected) => Assert.Equal(expected, SshFailure.Classify(stderr));

    [Fact]
    public void BeforeLogin_KeepsTheWordsOfSshAndNamesTheCommandToTry()
    {
        var target = new SshTarget("n1") { User = "ada", Port = 2222 };
        var e = SshFailure.BeforeLogin(target, "No ED25519 host key is known for n1\x1b[31m.\r\nHost key verification failed.\r\n", 255);
        Assert.Equal(("HostKeyUnknown", "n1", 5), (e.Id, e.Host, e.ExitCode));
        Assert.Contains("`ssh -p 2222 ada@n1`", e.Message, StringComparison.Ordinal);
        Assert.EndsWith("\nNo ED25519 host key is known for n1[31m.\nHost key verification failed.", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("-oProxyCommand=id")]
    [InlineData("a b")]
    [InlineData("a\nb")]
    public void CommandLine_HostThatIsNone_IsRefused(string host) =>
        AssertBad(new SshTarget(host));

    [Fact]
    public void CommandLine_UserThatIsAnOption_IsRefused() =>
        AssertBad(new SshTarget("n1") { User = "-v" });

    private static void AssertBad(SshTarget target)
    {
        var e = Assert.Throws<RemoteException>(() => SshCommandLine.Build(target, "true"));
        Assert.Equal((RemoteFailure.BadTarget, 2), (e.Reason, e.ExitCode));
    }

    [Fact]
    public void CommandLine_OptionsOfTheTarget_ComeBeforeOurs()
    {
        var arguments = SshCommandLine.Build(new SshTarget("n1") { Options = ["ConnectTimeout=1"] }, "true").ToList();
        Assert.True(arguments.IndexOf("ConnectTimeout=1") < arguments.IndexOf("ConnectTimeout=15"));
        Assert.Equal(["--", "n1", "true"], arguments[^3..]);
        Assert.Contains("BatchMode=yes", arguments);
        Assert.Contains("StrictHostKeyChecking=yes", arguments);
    }
}
