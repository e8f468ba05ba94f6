using ProcMigrate.PowerShell.Running;
using Xunit;

namespace ProcMigrate.Tests.PowerShell;

public sealed class VerbArgumentsTests
{
    [Fact]
    public void ArgumentsStandBehindTheOptions_AndAreNeverTakenForSome() =>
        Assert.Equal(
            ["save", "--json", "--output=--x y", "--force", "--", "4711", "-v"],
            new VerbArguments("save").Argument(4711).Argument("-v").Option("--output", "--x y").Flag("--force", true).Build());

    [Fact]
    public void WhatIsNotGiven_IsLeftOut() =>
        Assert.Equal(
            ["restore", "--json", "--", "x"],
            new VerbArguments("restore").Option("--stdio", null).Flag("--wait", false).At(Place.Here).Argument("x").Build());

    [Fact]
    public void HostAndLogin_AreTheBinarysOptions() =>
        Assert.Equal(
            ["check", "--json", "--host=n2", "--user=u", "--port=2222", "--identity=/k", "--ssh-option=A=1", "--ssh-option=B=2", "--", "x"],
            new VerbArguments("check").At(new Place("n2", Login)).Argument("x").Build());

    [Fact]
    public void WithoutArguments_NoDashesStandAtTheEnd() => Assert.Equal(["doctor", "--json"], new VerbArguments("doctor").Build());

    [Fact]
    public void RepeatedOptions_StandOnceEach() =>
        Assert.Equal(["restore", "--json", "--only=3", "--only=4"], new VerbArguments("restore").Options("--only", [3, 4]).Build());

    [Fact]
    public void Choices_AreInSmallLetters() =>
        Assert.Equal(
            ["save", "--json", "--tcp=migrate"],
            new VerbArguments("save").Choice<ImageTcpPolicy>("--tcp", ImageTcpPolicy.Migrate).Choice<ImageSaveMethod>("--method", null).Build());

    private static HostLogin Login { get; } = new("u", 2222, "/k", ["A=1", "B=2"]);
}
