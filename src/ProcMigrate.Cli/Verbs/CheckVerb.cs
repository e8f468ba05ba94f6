using System.CommandLine;
using ProcMigrate.Cli.Hosting;
using ProcMigrate.Cli.Output;
using ProcMigrate.Engine.Contracts;
using ProcMigrate.Engine.Namespaces;
using ProcMigrate.Image;
using ProcMigrate.Linux.Files;
using ProcMigrate.Remote;
using ProcMigrate.Remote.Migration;

namespace ProcMigrate.Cli.Verbs;

/// <summary><c>check PID|FILE</c>: every blocker of a save or a restore, nothing changed.</summary>
internal sealed class CheckVerb : Verb
{
    // What becomes of the tree afterwards, and where it is looked for: none of it stands in the way of anything.
    private static readonly string[] NotOfRestore =
        ["--wait", "--leave-stopped", "--stdio", "--terminal", "--host", "--user", "--port", "--identity", "--ssh-option"];

    private readonly Argument<string> subject = new("PID|FILE")
    {
        Description = "A running process, or an image (a file whose name is a number: ./123)",
    };
    private readonly Option<bool> noChildren = new("--no-children") { Description = "The process alone, without its descendants" };
    private readonly Option<TcpPolicy> tcp = CommonOptions.Tcp();
    private readonly BundleOptions bundle = new();
    private readonly RestoreOptionsOnTheWay restore = new();
    private readonly HostOptions host = new();

    public CheckVerb()
        : base("check", "Tell everything that stands in the way, and change nothing")
    {
        Command.Add(subject);
        Command.Add(noChildren);
        Command.Add(tcp);
        bundle.AddTo(Command);
        restore.AddTo(Command, NotOfRestore);
        host.AddTo(Command);
        Command.AddRule(result =>
        {
            if (restore.Given(result) is { } option && !host.IsGiven(result) && CommonOptions.TryReadPid(result.GetValue(subject) ?? "", out _))
                result.AddError($"{option.Name} says how a tree is restored: check an image with it, or give --host too.");
        });
    }

    /// <summary>A process stands still for a moment while it is looked at.</summary>
    public override bool HasNothingToUndo(ParseResult line) => !CommonOptions.TryReadPid(line.GetRequiredValue(subject), out _);

    public override VerbOutcome Execute(ParseResult line, VerbContext context)
    {
        var target = host.Read(line);
        var here = IsHere(line);
        if ((target is null || here) && CommonOptions.TryReadPid(line.GetRequiredValue(subject), out var pid) && context.Engine.SaveInside([pid], null, context.LetSignalsPass, context.Cancel) is { } code)
            return new(null, code);
        // An image that lies there, not here, is that host's own affair.
        if (target is not null && !here)
            return FarVerb.Run(target, line, host, context, ExitCode);
        var result = target is null ? CheckHere(line, context) : CheckThere(target, line, context);
        return new(result, ExitCode(result));
    }

    private static int ExitCode(VerbResult result) => result.Blockers is { Count: > 0 } ? (int)FailureClass.Refused : 0;

    public override void Write(VerbResult result, TextWriter output)
    {
        var where = result.Host is { } name ? $" on {name}" : "";
        var subject = result.Pid is { } pid ? $"pid {pid} can be {(result.Host is null ? "saved" : "moved")}" : $"{result.Image?.Path} can be restored";
        if (result.Blockers is not { Count: > 0 } blockers)
        {
            output.WriteLine($"{subject}{where}: nothing stands in the way");
            FilesText.Write(result.Bundle, output);
            return;
        }

        output.WriteLine($"{subject.Replace(" can ", " cannot ", StringComparison.Ordinal)}{where}: {Amount.Count(blockers.Count, "blocker")}");
        BlockerText.Write(blockers, output);
        FilesText.Write(result.Bundle, output);
    }

    private bool IsHere(ParseResult line) =>
        line.GetRequiredValue(subject) is var text && (CommonOptions.TryReadPid(text, out _) || PathCalls.Exists(text));

    /// <summary>Blockers of both sides: the host is asked over one connection, with all that an image says but the memory.</summary>
    private VerbResult CheckThere(SshTarget target, ParseResult line, VerbContext context)
    {
        var text = line.GetRequiredValue(subject);
        var isProcess = CommonOptions.TryReadPid(text, out var pid);
        var description = new ImageInMemory();
        ResultImage? summary = null;
        if (!isProcess)
        {
            using var image = OpenedImage.Open(text);
            image.WriteDescription(description);
            summary = image.Summary;
        }
        // A file would be sent, and stay there; a process is asked about as migrate would move it.
        var settings = new MigrationSettings(target)
        {
            RestoreArguments = restore.Arguments(line),
            KeptName = isProcess ? null : Path.GetFileName(text),
        };
        using var migration = context.Hosts.Migrate(settings, true, answer => FarEvent.Error(answer, target.Host), _ => { }, context.Cancel);
        var handover = new HostHandover(migration, target.Host, checkOnly: true);
        if (!isProcess)
            return new() { Verb = Name, Image = summary, Host = target.Host, Blockers = handover.FarBlockers(description.Bytes) };
        var check = context.Engine.CheckProcess(SaveOptions(line, pid) with { Handover = handover }, context.Cancel);
        return new() { Verb = Name, Pid = pid, Host = target.Host, Blockers = handover.Blockers, Bundle = check.Bundle, Warnings = check.Warnings };
    }

    private VerbResult CheckHere(ParseResult line, VerbContext context)
    {
        var text = line.GetRequiredValue(subject);
        if (CommonOptions.TryReadPid(text, out var pid))
        {
            var check = context.Engine.CheckProcess(SaveOptions(line, pid), context.Cancel);
            return new() { Verb = Name, Pid = pid, Blockers = check.Blockers, Bundle = check.Bundle, Warnings = check.Warnings };
        }

        // Nothing would be undone: the first signal ends it.
        context.LetSignalsPass?.Invoke();
        var inTheWay = context.Engine.CheckImage(restore.Read(line, text));
        using var image = OpenedImage.Open(text);
        return new() { Verb = Name, Image = image.Summary, Blockers = inTheWay };
    }

    private SaveOptions SaveOptions(ParseResult line, int pid) => bundle.Apply(new()
    {
        Pids = InsideNamespaces.Current?.Pids ?? [pid],
        Children = !line.GetValue(noChildren),
        Tcp = line.GetValue(tcp),
    }, line);
}
