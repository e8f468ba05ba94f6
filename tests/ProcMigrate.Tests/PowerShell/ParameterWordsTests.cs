using ProcMigrate.PowerShell.Running;

namespace ProcMigrate.Tests.PowerShell;

/// <summary>Advice in the words of the cmdlets.</summary>
public sealed class ParameterWordsTests
{
    [Theory]
    [InlineData("restore with --pid-namespace, or on another host", "restore with -PidNamespace, or on another host")]
    [InlineData("keep it with --file-changed accept", "keep it with -FileChanged accept")]
    [InlineData("give it up with --tcp close", "give it up with -TcpPolicy close")]
    [InlineData("name it with --identity", "name it with -KeyFilePath")]
    [InlineData("write the image elsewhere (-o)", "write the image elsewhere (-DestinationPath)")]
    [InlineData("`procmigrate migrate --settle 8b1f` finds out", "`Move-Process -Settle -MigrationId 8b1f` finds out")]
    [InlineData("stopped here until migrate --settle", "stopped here until Move-Process -Settle")]
    public void Options_BecomeParameters(string said, string shown) => Assert.Equal(shown, ParameterWords.Of(said));

    [Theory]
    [InlineData("See procmigrate save --help.")]
    [InlineData("/data/run--force/x does not exist")]
    [InlineData("ssh -o BatchMode=yes HOST true")]
    [InlineData("a -- b")]
    [InlineData("--NOT-one")]
    [InlineData("")]
    public void WhatIsNoOption_Stays(string said) => Assert.Equal(said, ParameterWords.Of(said));
}
