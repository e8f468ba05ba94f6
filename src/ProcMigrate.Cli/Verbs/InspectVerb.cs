using System.CommandLine;
using ProcMigrate.Cli.Output;
using ProcMigrate.Engine.Contracts;

namespace ProcMigrate.Cli.Verbs;

/// <summary><c>inspect FILE</c>: what is in an image, and what would stand in the way of restoring it here.</summary>
internal sealed class InspectVerb : Verb
{
    private readonly Argument<string> file = CommonOptions.ImageFile();
    private readonly Option<bool> detailed = new("--detailed")
    {
        Description = "Environments too; with --json every mapping, and all that export --json gives",
    };
    private readonly HostOptions host = new();

    public InspectVerb()
        : base("inspect", "Tell what is in an image, and what would keep it from running here")
    {
        Command.Add(file);
        Command.Add(detailed);
        host.AddTo(Command);
    }

    public override bool HasNothingToUndo(ParseResult line) => true;

    public override VerbOutcome Execute(ParseResult line, VerbContext context) =>
        host.Read(line) is { } target ? FarVerb.Run(target, line, host, context, _ => 0) : new(InspectHere(line, context));

    public override void Write(VerbResult result, TextWriter output) => InspectText.Write(result, output);

    private VerbResult InspectHere(ParseResult line, VerbContext context)
    {
        // Nothing would be undone: the first signal ends it.
        context.LetSignalsPass?.Invoke();
        var path = line.GetRequiredValue(file);
        var all = line.GetValue(detailed);
        using var image = OpenedImage.Open(path);
        var result = new VerbResult
        {
            Verb = Name,
            Pid = image.Root.Pid,
            Processes = image.Processes,
            Image = image.Summary,
            MemoryBytes = image.MemoryBytes,
            Contents = image.Describe(all),
            Tree = all && line.GetValue(CommonOptions.Json) ? image.TreeJson() : null,
            Bundle = image.Bundle(),
        };
        try
        {
            return result with { Blockers = context.Engine.CheckImage(new RestoreOptions { ImagePath = path }) };
        }
        catch (EngineException unknown)
        {
            // What is in the image can be told to a user who may not restore it.
            return result with { BlockersUnknown = unknown.Message };
        }
    }
}
