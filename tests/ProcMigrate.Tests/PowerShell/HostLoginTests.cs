using System.Collections;
using ProcMigrate.PowerShell.Running;
using Xunit;

namespace ProcMigrate.Tests.PowerShell;

public sealed class HostLoginTests
{
    [Fact]
    public void Options_AreInSshsWords() => Assert.Equal(
        ["Compression=yes", "ForwardAgent=no", "Port=22", "ProxyJump=a,b"],
        HostLogin.ReadOptions(new Hashtable { ["ProxyJump"] = "a,b", ["Compression"] = true, ["ForwardAgent"] = false, ["Port"] = 22 }));

    [Theory]
    [InlineData("")]
    [InlineData("Proxy Jump")]
    [InlineData("-oProxyCommand")]
    public void WhatIsNoOption_IsRefused(string name) =>
        Assert.Throws<ArgumentException>(() => HostLogin.ReadOptions(new Hashtable { [name] = "x" }));

    [Theory]
    [InlineData(1, "ConnectTimeout=1")]
    [InlineData(1000, "ConnectTimeout=1")]
    [InlineData(1001, "ConnectTimeout=2")]
    [InlineData(int.MaxValue, "ConnectTimeout=2147484")]
    public void Timeouts_AreWholeSeconds(int milliseconds, string expected) => Assert.Equal(expected, HostLogin.ConnectTimeout(milliseconds));

    [Theory]
    [InlineData("n2", "n2", "u")]
    [InlineData("root@n2", "n2", "root")]
    [InlineData("a@b@n2", "n2", "a@b")]
    [InlineData("@n2", "@n2", "u")]
    public void UserBeforeTheHost_CountsMore(string name, string host, string user)
    {
        var place = Place.Parse(name, new HostLogin("u", null, null, []));
        Assert.Equal((host, user), (place.HostName, place.Login.UserName));
    }

    [Fact]
    public void Target_HasAllOfIt()
    {
        var target = new HostLogin("u", 2222, "/k", ["A=1"]).ToTarget("n2");
        Assert.Equal(("n2", "u", 2222, "/k"), (target.Host, target.User, target.Port, target.IdentityFile));
        Assert.Equal(["A=1"], target.Options);
    }
}
