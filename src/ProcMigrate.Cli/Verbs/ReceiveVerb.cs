using System.CommandLine;
using ProcMigrate.Cli.Hosting;
using ProcMigrate.Cli.Output;

namespace ProcMigrate.Cli.Verbs;

/// <summary><c>receive</c>: the far side of send. It speaks with the sender on stdin and stdout, so words for people go to stderr.</summary>
internal sealed class ReceiveVerb : Verb
{
    private readonly Option<string?> to = new("--to") { Description = "Folder or file where the sender names none", HelpName = "PATH" };

    public ReceiveVerb()
        : base("receive", "The far side of send: speaks with it on stdin and stdout") => Command.Add(to);

    public override bool SpeaksOnStandardOutput => true;

    public override VerbOutcome Execute(ParseResult line, VerbContext context)
    {
        var received = context.Hosts.Receive(
            line.GetValue(to), path => Verify(path, context.Cancel), new FarEngine(context.Engine, null), context.Cancel);
        return received is null ? new(null) : new(new VerbResult { Verb = Name, Image = new(received.Path, received.ImageId, received.Bytes) });
    }

    public override void Write(VerbResult result, TextWriter output) =>
        output.WriteLine($"received: {result.Image?.Path} ({Amount.Bytes(result.Image?.Bytes ?? 0)})");

    private static Guid Verify(string path, CancellationToken cancel)
    {
        using var image = OpenedImage.Open(path);
        image.VerifyMemory(cancel);
        return image.Summary.Id;
    }
}
