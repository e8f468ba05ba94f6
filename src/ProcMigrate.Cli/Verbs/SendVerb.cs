using System.CommandLine;
using ProcMigrate.Cli.Output;
using ProcMigrate.Engine.Contracts;
using ProcMigrate.Remote.Transfer;

namespace ProcMigrate.Cli.Verbs;

/// <summary><c>send FILE HOST</c>: carries an image to another host, where it is verified and durable afterwards.</summary>
internal sealed class SendVerb : Verb
{
    private readonly Argument<string> file = CommonOptions.ImageFile("The image; it stays here too");
    private readonly Argument<string> host = new("HOST") { Description = "A host as ssh knows it" };
    private readonly Option<string?> to = new("--to")
    {
        Description = "Folder or file there (default: procmigrate/images in the user's state folder); nothing is ever overwritten",
        HelpName = "PATH",
    };
    private readonly Option<Compression> compress = CompressionOption.Create(CompressionOption.OfSending, auto: true);
    private readonly HostOptions login = new();

    public SendVerb()
        : base("send", "Send an image to another host over ssh")
    {
        Command.Add(file);
        Command.Add(host);
        Command.Add(to);
        Command.Add(compress);
        login.AddLoginTo(Command);
    }

    public override bool HasNothingToUndo(ParseResult line) => true;

    public override VerbOutcome Execute(ParseResult line, VerbContext context)
    {
        var path = line.GetRequiredValue(file);
        using var image = OpenedImage.Open(path);
        var target = login.Read(line, line.GetRequiredValue(host));
        var sent = context.Hosts.Send(
            path, target, line.GetValue(to), line.GetValue(compress),
            progress => context.Progress(new EngineProgress(progress.Phase, progress.Done, progress.Total)), context.Cancel);
        return new(new VerbResult
        {
            Verb = Name,
            Pid = image.Root.Pid,
            Processes = image.Processes,
            Image = image.Summary with { Path = sent.Path, Id = sent.ImageId, Bytes = sent.Bytes },
            Host = sent.Host,
            Timings = new Dictionary<string, double>
            {
                ["connectMs"] = sent.Timings.ConnectMs,
                ["deployMs"] = sent.Timings.DeployMs,
                ["transferMs"] = sent.Timings.TransferMs,
                ["storeMs"] = sent.Timings.StoreMs,
                ["totalMs"] = sent.Timings.TotalMs,
            },
            MemoryBytes = image.MemoryBytes,
            SentBytes = sent.SentBytes,
            Warnings = sent.AlreadyThere ? ["the same image was there already; nothing was sent"] : [],
        });
    }

    public override void Write(VerbResult result, TextWriter output)
    {
        output.WriteLine($"{ResultText.Tree(result)} is on {result.Host}: {result.Image?.Path}");
        var total = result.Timings?.GetValueOrDefault("totalMs") ?? 0;
        output.WriteLine($"  {Amount.Bytes(result.Image?.Bytes ?? 0)} in {Amount.Milliseconds(total)}");
    }
}
