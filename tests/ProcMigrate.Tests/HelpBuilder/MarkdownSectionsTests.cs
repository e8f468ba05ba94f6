using ProcMigrate.HelpBuilder;

namespace ProcMigrate.Tests.HelpBuilder;

public sealed class MarkdownSectionsTests
{
    private const string Page =
        """
        # Save-X
        Writes.

        More of it.

        ## Examples
        ### One
        ```powershell
        # no heading
        ### nor this
        ```
        said

        ## Parameters
        ### -A
        a

        ### -B
        b

        ## Notes
        n
        """;

    [Fact]
    public void Introduction_IsWhatStandsBelowTheTitle() => Assert.Equal("Writes.\n\nMore of it.", MarkdownSections.Of(Page).Introduction);

    [Fact]
    public void Parts_AreThoseOfOneSection()
    {
        var page = MarkdownSections.Of(Page);
        Assert.Equal([("-A", "a"), ("-B", "b")], page.Parts("Parameters"));
        Assert.Equal("n", page.Body("Notes"));
    }

    [Fact]
    public void WhatStandsInFences_IsNoHeading()
    {
        var example = Assert.Single(MarkdownSections.Of(Page).Parts("Examples"));
        Assert.Equal("```powershell\n# no heading\n### nor this\n```\nsaid", example.Body);
    }

    [Fact]
    public void LinesOfWindows_AreLines() => Assert.Equal("b", MarkdownSections.Of("# A\r\nb\r\n").Introduction);

    [Fact]
    public void WhatIsNotThere_IsEmpty()
    {
        Assert.Equal("", MarkdownSections.Of("").Introduction);
        Assert.Equal("", MarkdownSections.Of("no title").Introduction);
        Assert.Equal("", MarkdownSections.Of(Page).Body("Links"));
        Assert.Empty(MarkdownSections.Of(Page).Parts("Links"));
    }

    [Fact]
    public void AHashWithoutABlank_IsText() => Assert.Equal("#!/bin/sh\n#x", MarkdownSections.Of("# A\n#!/bin/sh\n#x").Introduction);
}
