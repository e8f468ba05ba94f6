using ProcMigrate.HelpBuilder;

namespace ProcMigrate.Tests.HelpBuilder;

public sealed class AboutTextTests
{
    [Fact]
    public void ATopic_HasTheHeadingsThatGetHelpReads()
    {
        var text = AboutText.From("about_X", "# Of `X`\nFirst.\n\n## More of it\nSecond.\n");
        Assert.Equal(
            "TOPIC\n    about_X\n\nSHORT DESCRIPTION\n    Of X\n\nLONG DESCRIPTION\n    First.\n\n\nMORE OF IT\n    Second.\n", text);
    }

    [Fact]
    public void NoLine_IsLongerThanAScreen()
    {
        var words = string.Join(' ', Enumerable.Repeat("word", 100));
        var text = AboutText.From("about_X", $"# X\n{words}\n\n* {words}\n");
        Assert.All(text.Split('\n'), line => Assert.True(line.Length <= 76, line));
        Assert.Equal(200, text.Split("word").Length - 1);
    }

    [Fact]
    public void Code_IsNotWrapped()
    {
        var line = $"Get-X {new string('x', 100)} | Set-X";
        Assert.Contains($"\n    {line}\n", AboutText.From("about_X", $"# X\n```\n{line}\n```\n"), StringComparison.Ordinal);
    }

    [Fact]
    public void ATable_ReadsRowByRow()
    {
        var text = AboutText.From("about_X", "# X\n| id | category | meaning |\n| --- | --- | --- |\n| `A` | None | first |\n| `B` | Other | |\n");
        Assert.EndsWith("\n    A\n      category: None\n      meaning: first\n\n    B\n      category: Other\n", text, StringComparison.Ordinal);
        Assert.DoesNotContain("---", text, StringComparison.Ordinal);
    }

    [Fact]
    public void WithoutATitle_ItsNameStandsThere() => Assert.Contains("SHORT DESCRIPTION\n    about_X\n", AboutText.From("about_X", "text"), StringComparison.Ordinal);
}
