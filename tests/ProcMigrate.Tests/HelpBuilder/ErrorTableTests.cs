using ProcMigrate.HelpBuilder;

namespace ProcMigrate.Tests.HelpBuilder;

public sealed class ErrorTableTests : IDisposable
{
    private readonly DirectoryInfo docs = Directory.CreateTempSubdirectory("help");

    public ErrorTableTests()
    {
        Write("limits.md", "");
        Write("json.md", "");
        Write("remote.md", "");
    }

    public void Dispose() => docs.Delete(recursive: true);

    [Fact]
    public void ARow_IsAnId_WithItsCategory()
    {
        Write("limits.md", "| id | what | remedy |\n| --- | --- | --- |\n| `PidInUse` | a pid is taken | restore with `--pid-namespace` |\n");
        var row = Assert.Single(ErrorTable.Read(docs.FullName));
        Assert.Equal(("PidInUse", "ResourceExists", "a pid is taken; restore with -PidNamespace"), row);
    }

    [Fact]
    public void AnIdThatNobodyNamed_GoesByItsTable()
    {
        Write("limits.md", "| `NewBlocker` | x | y |\n");
        Write("json.md", "| `newEvent` | x | y |\n| `OtherFailure` | 4 | z |\n");
        Write("remote.md", "| `HostOddity` | w |\n");
        var categories = ErrorTable.Read(docs.FullName).ToDictionary(row => row.Id, row => row.Category);
        Assert.Equal(
            new() { ["HostOddity"] = "ConnectionError", ["NewBlocker"] = "NotImplemented", ["OtherFailure"] = "InvalidData" }, categories);
    }

    [Fact]
    public void SeveralIdsOfARow_HaveTheSameMeaning()
    {
        Write("limits.md", "| `OneThing`, `AnotherThing` | no room | wait |\n");
        Assert.Equal([("AnotherThing", "no room; wait"), ("OneThing", "no room; wait")], ErrorTable.Read(docs.FullName).Select(row => (row.Id, row.Meaning)));
    }

    [Fact]
    public void AnExitCodeInWords_Counts()
    {
        Write("remote.md", "| `FarSide` | exit code 6, no right to it |\n");
        Assert.Equal("PermissionDenied", Assert.Single(ErrorTable.Read(docs.FullName)).Category);
    }

    [Fact]
    public void TheFirstTable_Wins()
    {
        Write("limits.md", "| `Twice` | first | a |\n");
        Write("remote.md", "| `Twice` | second | b |\n");
        Assert.Equal("first; a", Assert.Single(ErrorTable.Read(docs.FullName)).Meaning);
    }

    [Fact]
    public void Markdown_IsATable() => Assert.Equal(
        "## Ids of the binary\n\n| id | category | meaning |\n| --- | --- | --- |\n| `A` | None | x |\n", ErrorTable.ToMarkdown([("A", "None", "x")]));

    [Fact]
    public void APageThatIsMissing_IsNamed()
    {
        File.Delete(Path.Combine(docs.FullName, "json.md"));
        var missing = Assert.Throws<HelpException>(() => ErrorTable.Read(docs.FullName));
        Assert.EndsWith("json.md", missing.Path, StringComparison.Ordinal);
    }

    [Fact]
    public void ARowOfOneCell_IsAnError()
    {
        Write("limits.md", "text\n| `Alone` |\n");
        var wrong = Assert.Throws<HelpException>(() => ErrorTable.Read(docs.FullName));
        Assert.Contains("Alone", wrong.Message, StringComparison.Ordinal);
    }

    private void Write(string name, string text) => File.WriteAllText(Path.Combine(docs.FullName, name), text);
}
