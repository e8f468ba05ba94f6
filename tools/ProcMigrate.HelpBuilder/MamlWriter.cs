using System.Xml.Linq;

namespace ProcMigrate.HelpBuilder;

/// <summary>MAML: the XML that Get-Help reads.</summary>
internal static class MamlWriter
{
    private static readonly XNamespace Msh = "http://msh";
    private static readonly XNamespace Maml = "http://schemas.microsoft.com/maml/2004/10";
    private static readonly XNamespace Command = "http://schemas.microsoft.com/maml/dev/command/2004/10";
    private static readonly XNamespace Dev = "http://schemas.microsoft.com/maml/dev/2004/10";

    public static XElement Write(IEnumerable<(CmdletShape Shape, CommandPage Page)> commands) => new(
        Msh + "helpItems",
        new XAttribute("schema", "maml"),
        new XAttribute(XNamespace.Xmlns + "maml", Maml),
        new XAttribute(XNamespace.Xmlns + "command", Command),
        new XAttribute(XNamespace.Xmlns + "dev", Dev),
        commands.Select(command => Write(command.Shape, command.Page)));

    private static XElement Write(CmdletShape shape, CommandPage page) => new(
        Command + "command",
        new XElement(
            Command + "details",
            new XElement(Command + "name", shape.Name), new XElement(Command + "verb", shape.Verb), new XElement(Command + "noun", shape.Noun),
            Description([page.Synopsis])),
        Description(page.Introduction.Skip(1)),
        new XElement(Command + "syntax", shape.Sets.Select(set => Syntax(shape, set, page))),
        new XElement(Command + "parameters", shape.Parameters.Select(parameter => Parameter(parameter, parameter.Places[0], page, syntax: false))),
        new XElement(Command + "inputTypes", page.Inputs.Select(type => new XElement(Command + "inputType", Type(type.Key), Description(type.Value)))),
        new XElement(Command + "returnValues", page.Outputs.Select(type => new XElement(Command + "returnValue", Type(type.Key), Description(type.Value)))),
        page.Notes.Count == 0 ? null : new XElement(Maml + "alertSet", new XElement(Maml + "alert", Paragraphs(page.Notes))),
        new XElement(Command + "examples", page.Examples.Select(Example)),
        new XElement(Command + "relatedLinks", page.Links.Select(link => new XElement(
            Maml + "navigationLink", new XElement(Maml + "linkText", link.Text),
            new XElement(Maml + "uri", link.Uri.StartsWith("https:", StringComparison.Ordinal) ? link.Uri : "")))));

    private static XElement Syntax(CmdletShape shape, string set, CommandPage page) => new(
        Command + "syntaxItem",
        new XElement(Maml + "name", shape.Name),
        shape.Parameters.Where(parameter => parameter.In(set) is not null)
            .OrderBy(parameter => parameter.In(set)!.Position ?? int.MaxValue)
            .ThenBy(parameter => parameter.In(set)!.Mandatory ? 0 : 1)
            .Select(parameter => Parameter(parameter, parameter.In(set)!, page, syntax: true)));

    private static XElement Parameter(ParameterShape parameter, ParameterPlace place, CommandPage page, bool syntax)
    {
        var text = page.Parameters[parameter.Name].ToList();
        if (!syntax && parameter.Choices.Count > 0)
            text.Add($"One of: {string.Join(", ", parameter.Choices)}.");
        return new(
            Command + "parameter",
            new XAttribute("required", Bool(place.Mandatory)),
            new XAttribute("variableLength", Bool(parameter.Type?.IsArray ?? false)),
            new XAttribute("globbing", Bool(parameter.Wildcards)),
            new XAttribute("pipelineInput", place.PipelineText),
            new XAttribute("position", place.PositionText),
            new XAttribute("aliases", parameter.Aliases.Count == 0 ? "none" : string.Join(", ", parameter.Aliases)),
            new XElement(Maml + "name", parameter.Name),
            Description(text),
            parameter.IsSwitch && syntax ? null : new XElement(Command + "parameterValue", new XAttribute("required", Bool(!parameter.IsSwitch)), new XAttribute("variableLength", "false"), parameter.TypeName),
            Type(parameter.TypeName),
            new XElement(Dev + "defaultValue", parameter.Default));
    }

    private static XElement Example(CommandExample example, int index) => new(
        Command + "example",
        new XElement(Maml + "title", $"---------- Example {index + 1}: {example.Title} ----------"),
        new XElement(Dev + "code", example.Code),
        // Get-Help puts the next title right below: the empty paragraph keeps them apart.
        new XElement(Dev + "remarks", Paragraphs([.. example.Remarks, ""])));

    private static XElement Type(string name) => new(Dev + "type", new XElement(Maml + "name", name), new XElement(Maml + "uri"));

    private static XElement Description(IEnumerable<string> paragraphs) => new(Maml + "description", Paragraphs(paragraphs));

    private static IEnumerable<XElement> Paragraphs(IEnumerable<string> paragraphs) => paragraphs.Select(text => new XElement(Maml + "para", text));

    private static string Bool(bool value) => value ? "true" : "false";
}
