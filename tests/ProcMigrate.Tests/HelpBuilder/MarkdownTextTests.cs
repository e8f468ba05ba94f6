using ProcMigrate.HelpBuilder;

namespace ProcMigrate.Tests.HelpBuilder;

public sealed class MarkdownTextTests
{
    [Theory]
    [InlineData("`-Force` does", "-Force does")]
    [InlineData("**never** twice", "never twice")]
    [InlineData("see [the page](a/b.md#c) there", "see the page there")]
    [InlineData("[`code`](x.md)", "code")]
    [InlineData("a * b, a ** b", "a * b, a ** b")]
    [InlineData("list[0] (first)", "list[0] (first)")]
    public void Plain_HasNoMarks(string markdown, string text) => Assert.Equal(text, MarkdownText.Plain(markdown));

    [Fact]
    public void Paragraphs_JoinTheirLines() => Assert.Equal(["one two", "three"], MarkdownText.Paragraphs("one\ntwo\n\n\nthree\n"));

    [Fact]
    public void PointsOfAList_AreParagraphs() => Assert.Equal(["these:", "* a b", "* c", "- d"], MarkdownText.Paragraphs("these:\n* a\n  b\n* c\n- d"));

    [Fact]
    public void Fences_KeepTheirLines() =>
        Assert.Equal(["so:", "    a  `b`", "    ", "    # c", "then"], MarkdownText.Paragraphs("so:\n```sh\na  `b`\n\n# c\n```\nthen"));

    [Fact]
    public void Links_AreFoundWithTheirTargets() =>
        Assert.Equal([("A", "a.md"), ("B b", "https://example.org/b")], MarkdownText.Links("- [A](a.md)\n- [B b](https://example.org/b)\n- C"));
}
