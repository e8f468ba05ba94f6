using System.Reflection;
using System.Xml.Linq;

namespace ProcMigrate.HelpBuilder;

/// <summary>The help of the module: a page of docs/commands for each cmdlet, and the about topics.</summary>
internal sealed class Help(string docs)
{
    private const string SharedPage = "common-parameters.md";

    public void Write(Assembly module, string target)
    {
        Directory.CreateDirectory(target);
        var pages = Pages(module);
        var maml = new XDocument(new XDeclaration("1.0", "utf-8", null), MamlWriter.Write(pages));
        maml.Save(Path.Combine(target, Path.GetFileName(module.Location) + "-Help.xml"));

        Topic(target, "about_ProcMigrate", File.ReadAllText(Path.Combine(docs, "commands/about_ProcMigrate.md")));
        var ids = ErrorTable.Read(docs);
        Topic(target, "about_ProcMigrate_Errors", File.ReadAllText(Path.Combine(docs, "commands/about_ProcMigrate_Errors.md")) + "\n" + ErrorTable.ToMarkdown(ids));
        Topic(target, "about_ProcMigrate_Limits", File.ReadAllText(Path.Combine(docs, "limits.md")));
    }

    /// <summary>Every cmdlet with its page; a cmdlet, parameter or example that lacks is an error.</summary>
    public IReadOnlyList<(CmdletShape Shape, CommandPage Page)> Pages(Assembly module)
    {
        var shared = CommandPage.Read(Path.Combine(docs, "commands", SharedPage));
        return [.. CmdletShape.In(module).Select(shape =>
        {
            var own = CommandPage.Read(Path.Combine(docs, "commands", shape.Name + ".md"));
            own.CheckStrangers(shape);
            var page = own.WithShared(shared.Parameters);
            page.Check(shape);
            return (shape, page);
        })];
    }

    private static void Topic(string target, string name, string markdown) =>
        File.WriteAllText(Path.Combine(target, name + ".help.txt"), AboutText.From(name, markdown));
}
