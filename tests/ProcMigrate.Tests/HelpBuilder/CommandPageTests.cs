using ProcMigrate.HelpBuilder;

namespace ProcMigrate.Tests.HelpBuilder;

/// <summary>A page that does not fit its cmdlet stops the build, and says why.</summary>
public sealed class CommandPageTests
{
    private static readonly ParameterPlace Anywhere = new(CmdletShape.AllSets, false, null, false, false);

    private static readonly CmdletShape Shape = new(
        "Get", "X", false, CmdletShape.AllSets, [new("Name", typeof(string), [], false, [Anywhere])], ["X"]);

    private const string Whole =
        """
        # Get-X
        Gets it.

        In full.

        ## Examples
        ### One
        ```powershell
        PS> Get-X a
        ```
        Said of it.

        ### Two
        ```powershell
        PS> Get-X b
        ```

        ### Three
        ```powershell
        PS> Get-X c
        ```

        ## Parameters
        ### -Name
        Its name.

        ## Outputs
        ### X
        One.

        ## Links
        - [Set-X](Set-X.md)
        """;

    [Fact]
    public void AWholePage_IsRead()
    {
        var page = CommandPage.Parse("x.md", Whole);
        page.Check(Shape);
        Assert.Equal("Gets it.", page.Synopsis);
        Assert.Equal(["One", "Two", "Three"], page.Examples.Select(example => example.Title));
        Assert.Equal("PS> Get-X a", page.Examples[0].Code);
        Assert.Equal(["Said of it."], page.Examples[0].Remarks);
        Assert.Equal(["Its name."], page.Parameters["name"]);
        Assert.Equal(("Set-X", "Set-X.md"), Assert.Single(page.Links));
    }

    [Theory]
    [InlineData("### -Name\nIts name.", "", "not told: -Name")]
    [InlineData("In full.", "", "a synopsis and a description")]
    [InlineData("### Three\n```powershell\nPS> Get-X c\n```", "", "2 examples; 3 are the least")]
    [InlineData("PS> Get-X b", "PS> Get-Y", "the example 'Two' does not show Get-X")]
    [InlineData("PS> Get-X c\n```", "PS> Get-X c", "the example 'Three' does not show Get-X")]
    public void WhatLacks_IsSaid(string part, string instead, string message)
    {
        Assert.Contains(part, Whole, StringComparison.Ordinal);
        var page = CommandPage.Parse("docs/x.md", Whole.Replace(part, instead, StringComparison.Ordinal));
        var wrong = Assert.Throws<HelpException>(() => page.Check(Shape));
        Assert.Equal("docs/x.md", wrong.Path);
        Assert.Contains(message, wrong.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AParameterThatIsToldTwice_IsAnError()
    {
        var wrong = Assert.Throws<HelpException>(() => CommandPage.Parse("x.md", Whole.Replace("## Outputs", "### -name\nAgain.\n\n## Outputs", StringComparison.Ordinal)));
        Assert.Contains("-name", wrong.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void WhatIsShared_NeedNotBeToldAgain_AndYieldsToThePagesOwnWords()
    {
        var shared = new Dictionary<string, IReadOnlyList<string>> { ["Name"] = ["shared"], ["Port"] = ["port"] };
        var page = CommandPage.Parse("x.md", Whole).WithShared(shared);
        Assert.Equal(["Its name."], page.Parameters["Name"]);
        Assert.Equal(["port"], page.Parameters["Port"]);
    }

    [Fact]
    public void AParameterThatTheCmdletLacks_IsAnError()
    {
        CommandPage.Parse("x.md", Whole).CheckStrangers(Shape);
        var page = CommandPage.Parse("x.md", Whole.Replace("### -Name", "### -Nmae\nSlip.\n\n### -Name", StringComparison.Ordinal));
        var wrong = Assert.Throws<HelpException>(() => page.CheckStrangers(Shape));
        Assert.Equal("told, but Get-X does not have: -Nmae", wrong.Message);
    }

    [Fact]
    public void APageThatIsMissing_IsNamed()
    {
        var missing = Assert.Throws<HelpException>(() => CommandPage.Read("/none/Get-X.md"));
        Assert.Equal("/none/Get-X.md", missing.Path);
    }
}
