using System.Text.Json;
using ProcMigrate.PowerShell.Running;
using Xunit;

namespace ProcMigrate.Tests.PowerShell;

public sealed class SocketTextTests
{
    /// <summary>sockaddr_in of 127.0.0.1, port 8080 and 81.</summary>
    private const string Local = "AgAfkH8AAAEAAAAAAAAAAA==";
    private const string Remote = "AgAAUX8AAAEAAAAAAAAAAA==";

    [Theory]
    [InlineData($$"""{"local":"{{Local}}","type":1,"protocol":6,"state":10}""", "tcp 127.0.0.1:8080 listening")]
    [InlineData($$"""{"local":"{{Local}}","remote":"{{Remote}}","type":1,"protocol":6,"state":1}""", "tcp 127.0.0.1:8080 -> 127.0.0.1:81")]
    [InlineData($$"""{"local":"{{Local}}","type":2,"protocol":17,"state":7}""", "udp 127.0.0.1:8080")]
    [InlineData("""{"peer":0,"name":"AGFi","state":10}""", "unix @ab listening")]
    [InlineData("""{"peer":0,"state":1}""", null)]
    [InlineData("""{"local":"AAAA"}""", null)]
    [InlineData("""[]""", null)]
    public void ASocket_IsCalledByItsAddresses(string state, string? expected) =>
        Assert.Equal(expected, SocketText.Of("inet-socket", JsonDocument.Parse(state).RootElement));

    [Fact]
    public void WhatIsNoSocket_KeepsItsName() =>
        Assert.Null(SocketText.Of("file", JsonDocument.Parse($$"""{"local":"{{Local}}"}""").RootElement));
}
