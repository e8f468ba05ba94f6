using System.Xml.Linq;
using ProcMigrate.HelpBuilder;

namespace ProcMigrate.Tests.HelpBuilder;

public sealed class MamlWriterTests
{
    private static readonly XNamespace Maml = "http://schemas.microsoft.com/maml/2004/10";
    private static readonly XNamespace Command = "http://schemas.microsoft.com/maml/dev/command/2004/10";
    private static readonly XNamespace Dev = "http://schemas.microsoft.com/maml/dev/2004/10";

    private static readonly CmdletShape Shape = new(
        "Get", "X", false, "One",
        [
            new("Common", typeof(DayOfWeek), [], false, [new(CmdletShape.AllSets, false, null, false, false)]),
            new("Count", typeof(int?), [], false, [new("One", false, null, false, true)], DeclaredDefault: "32"),
            new("Many", typeof(string[]), ["All"], true, [new("Two", true, 0, true, true)]),
            new("Narrow", typeof(DayOfWeek), [], false, [new(CmdletShape.AllSets, false, null, false, false)], ["Friday"]),
            new("Yes", null, [], false, [new("Two", false, null, false, false)]),
        ],
        []);

    private readonly XElement help = Write();

    [Fact]
    public void EachSetOfParameters_IsASyntax_AndTheMandatoryComeFirst()
    {
        var sets = help.Descendants(Command + "syntaxItem").Select(Names).ToList();
        Assert.Equal(2, sets.Count);
        Assert.Equal(["Common", "Count", "Narrow"], sets[0]);
        Assert.Equal(["Many", "Common", "Narrow", "Yes"], sets[1]);
    }

    [Fact]
    public void AParameter_SaysHowItIsGiven()
    {
        var many = Parameter("Many");
        Assert.Equal("true", (string?)many.Attribute("required"));
        Assert.Equal("0", (string?)many.Attribute("position"));
        Assert.Equal("true", (string?)many.Attribute("globbing"));
        Assert.Equal("All", (string?)many.Attribute("aliases"));
        Assert.Equal("True (ByPropertyName, ByValue)", (string?)many.Attribute("pipelineInput"));
        Assert.Equal("True (ByPropertyName)", (string?)Parameter("Count").Attribute("pipelineInput"));
        Assert.Equal("named", (string?)Parameter("Yes").Attribute("position"));
        Assert.Equal("String[]", many.Element(Dev + "type")?.Element(Maml + "name")?.Value);
        Assert.Equal("Int32", Parameter("Count").Element(Dev + "type")?.Element(Maml + "name")?.Value);
    }

    [Theory]
    [InlineData("Common", "Sunday")]
    [InlineData("Count", "32")]
    [InlineData("Many", "None")]
    [InlineData("Yes", "False")]
    public void AParameter_SaysWhatItIsUnlessGiven(string name, string value) => Assert.Equal(value, Parameter(name).Element(Dev + "defaultValue")?.Value);

    [Fact]
    public void AnEnum_TellsItsWords()
    {
        Assert.Contains("One of: Sunday, Monday,", Parameter("Common").Value, StringComparison.Ordinal);
        Assert.Contains("One of: Friday.", Parameter("Narrow").Value, StringComparison.Ordinal);
    }

    [Fact]
    public void Examples_AreNumbered_AndKeptApart()
    {
        var example = Assert.Single(help.Descendants(Command + "example"));
        Assert.Equal("---------- Example 1: A & <b> ----------", example.Element(Maml + "title")?.Value);
        Assert.Equal("PS> Get-X '<a>'", example.Element(Dev + "code")?.Value);
        Assert.Equal(["told", ""], example.Element(Dev + "remarks")!.Elements().Select(paragraph => paragraph.Value));
    }

    [Fact]
    public void OnlyLinksOfTheWeb_HaveAnAddress() =>
        Assert.Equal(["", "https://example.org/"], help.Descendants(Maml + "navigationLink").Select(link => link.Element(Maml + "uri")!.Value));

    private XElement Parameter(string name) =>
        help.Descendants(Command + "parameters").Single().Elements().Single(parameter => parameter.Element(Maml + "name")!.Value == name);

    private static string[] Names(XElement set) => [.. set.Elements(Command + "parameter").Select(parameter => parameter.Element(Maml + "name")!.Value)];

    private static XElement Write()
    {
        var parameters = Shape.Parameters.ToDictionary(parameter => parameter.Name, parameter => (IReadOnlyList<string>)[$"Of {parameter.Name}."]);
        var none = new Dictionary<string, IReadOnlyList<string>>();
        var page = new CommandPage(
            "x.md", ["Gets.", "More."], [new("A & <b>", "PS> Get-X '<a>'", ["told"])], parameters, none, none, [],
            [("Set-X", "Set-X.md"), ("Web", "https://example.org/")]);
        return XElement.Parse(MamlWriter.Write([(Shape, page)]).ToString());
    }
}
