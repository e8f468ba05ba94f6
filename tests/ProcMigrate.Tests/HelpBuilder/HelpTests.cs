using ProcMigrate.HelpBuilder;
using ProcMigrate.PowerShell.Cmdlets;

namespace ProcMigrate.Tests.HelpBuilder;

/// <summary>The cmdlets of this build, read as the builder reads them.</summary>
public sealed class HelpTests
{
    private static readonly Dictionary<string, CmdletShape> Shapes = CmdletShape.In(typeof(ProcMigrateCmdlet).Assembly).ToDictionary(shape => shape.Name);

    [Fact]
    public void EveryCmdlet_IsFound()
    {
        Assert.Equal(13, Shapes.Count);
        Assert.All(Shapes.Keys, name => Assert.Contains("Process", name, StringComparison.Ordinal));
    }

    [Fact]
    public void TheDefaultSet_ComesFirst() => Assert.Equal("Name", Shapes["Save-ProcessImage"].Sets.First());

    [Fact]
    public void ACmdletThatChangesSomething_HasWhatIf()
    {
        Assert.Contains(Shapes["Save-ProcessImage"].Parameters, parameter => parameter.Name == "WhatIf");
        Assert.DoesNotContain(Shapes["Get-ProcessImage"].Parameters, parameter => parameter.Name == "WhatIf");
    }

    [Theory]
    [InlineData("Save-ProcessImage", "Compress", "None", "Lz4 None")]
    [InlineData("Send-ProcessImage", "Compress", "Auto", "Auto Lz4 None")]
    [InlineData("Save-ProcessImage", "TcpPolicy", "Refuse", "Refuse Close Migrate")]
    [InlineData("Get-ProcessImage", "ThrottleLimit", "32", "")]
    [InlineData("Move-Process", "Stdio", "null", "")]
    [InlineData("Restore-ProcessImage", "Stdio", "What the save was told by -Terminal, or null", "")]
    [InlineData("Restore-ProcessImage", "Wait", "False", "")]
    public void DefaultsAndChoices_AreThoseOfTheCmdlet(string cmdlet, string name, string value, string choices)
    {
        var parameter = Shapes[cmdlet].Parameters.Single(parameter => parameter.Name == name);
        Assert.Equal(value, parameter.Default);
        Assert.Equal(choices, string.Join(' ', parameter.Choices));
    }

    [Fact]
    public void ACmdletWithoutAPage_IsAnError()
    {
        var docs = Directory.CreateTempSubdirectory("help");
        try
        {
            Directory.CreateDirectory(Path.Combine(docs.FullName, "commands"));
            File.WriteAllText(Path.Combine(docs.FullName, "commands/common-parameters.md"), "# Shared\n");
            var wrong = Assert.Throws<HelpException>(() => new Help(docs.FullName).Pages(typeof(ProcMigrateCmdlet).Assembly));
            Assert.EndsWith("Checkpoint-Process.md", wrong.Path, StringComparison.Ordinal);
        }
        finally
        {
            docs.Delete(recursive: true);
        }
    }
}
