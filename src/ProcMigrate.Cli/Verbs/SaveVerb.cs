using System.CommandLine;
using System.CommandLine.Parsing;
using ProcMigrate.Cli.Output;
using ProcMigrate.Engine.Contracts;
using ProcMigrate.Engine.Namespaces;
using ProcMigrate.Linux.Files;
using ProcMigrate.Remote.Transfer;

namespace ProcMigrate.Cli.Verbs;

/// <summary><c>save PID…</c>: writes an image from running processes.</summary>
internal sealed class SaveVerb : Verb
{
    private readonly Argument<int[]> pids = CommonOptions.Pids();
    private readonly Option<string?> output = new("--output", "-o")
    {
        Description = "The image to write (default: NAME-PID-YYYYMMDDTHHMMSS.pmi here)",
        HelpName = "FILE",
    };
    private readonly Option<bool> leaveRunning = new("--leave-running")
    {
        Description = "Let the program run on (default: it ends once the image is durable)",
    };
    private readonly Option<bool> leaveStopped = new("--leave-stopped") { Description = "Leave the program stopped, as by SIGSTOP" };
    private readonly Option<bool> noChildren = new("--no-children") { Description = "The process alone, without its descendants" };
    private readonly Option<SaveMethod> method = new("--method")
    {
        Description = "How memory is taken (default: auto)",
        HelpName = "auto|stop",
        CustomParser = result => ReadMethod(result.Tokens[0].Value, result),
    };
    private readonly Option<TcpPolicy> tcp = CommonOptions.Tcp();
    private readonly Option<string?> terminal = CommonOptions.Terminal(
        "What a restore that is not told makes of a terminal outside the tree: inherit (default), null or a PATH");
    private readonly BundleOptions bundle = new();
    private readonly Option<Compression> compress = CompressionOption.Create("Store memory in LZ4 blocks: lz4 or none (default); such an image is no core file for gdb before export --core", auto: false);
    private readonly Option<bool> force = CommonOptions.Force("Replace FILE where it exists");

    public SaveVerb()
        : base("save", "Save running processes into one file")
    {
        Command.Add(pids);
        Command.Add(output);
        Command.Add(leaveRunning);
        Command.Add(leaveStopped);
        Command.Add(noChildren);
        Command.Add(method);
        Command.Add(tcp);
        Command.Add(terminal);
        bundle.AddTo(Command);
        Command.Add(compress);
        Command.Add(force);
        Command.AddRule(result =>
        {
            if (result.GetValue(leaveRunning) && result.GetValue(leaveStopped))
                result.AddError("--leave-running and --leave-stopped exclude each other.");
        });
    }

    public override VerbOutcome Execute(ParseResult line, VerbContext context)
    {
        var options = ReadOptions(line, line.GetRequiredValue(pids));
        if (context.Engine.SaveInside(options.Pids, options.OutputPath, context.LetSignalsPass, context.Cancel) is { } code)
            return new(null, code);
        var saved = context.Engine.Save(options, context.Progress, context.Cancel);
        return new(new VerbResult
        {
            Verb = Name,
            Pid = saved.Pid,
            InnerPid = saved.InnerPid,
            Processes = saved.Processes,
            Image = new(saved.ImagePath, saved.ImageId, saved.ImageBytes),
            Timings = saved.Timings,
            MemoryBytes = saved.MemoryBytes,
            Warnings = saved.Warnings,
            Bundle = saved.Bundle,
        });
    }

    public override void Write(VerbResult result, TextWriter output)
    {
        output.WriteLine($"{ResultText.Tree(result)} is saved: {result.Image?.Path}");
        output.WriteLine($"  image {Amount.Bytes(result.Image?.Bytes ?? 0)}, {ResultText.Facts(result)}");
        if (result.Bundle is { } files)
            output.WriteLine($"  with {Amount.Count(files.Files.Count, "file")} of {Amount.Bytes(files.Bytes)}");
    }

    internal SaveOptions ReadOptions(ParseResult line, IReadOnlyList<int> roots) => bundle.Apply(new()
    {
        Pids = InsideNamespaces.Current?.Pids ?? roots,
        OutputPath = line.GetValue(output),
        After = line.GetValue(leaveRunning) ? AfterSave.LeaveRunning
            : line.GetValue(leaveStopped) ? AfterSave.LeaveStopped
            : AfterSave.End,
        Children = !line.GetValue(noChildren),
        Method = line.GetValue(method),
        Tcp = line.GetValue(tcp),
        Terminal = line.GetValue(terminal) switch
        {
            null or "inherit" => null,
            "null" => "null",
            var path => PathCalls.Full(path),
        },
        Compress = line.GetValue(compress) == Compression.Lz4,
        Force = line.GetValue(force),
    }, line);

    private static SaveMethod ReadMethod(string text, SymbolResult result)
    {
        switch (text)
        {
            case "auto": return SaveMethod.Auto;
            case "stop": return SaveMethod.Stop;
            default:
                result.AddError($"--method takes auto or stop, not '{text}'.");
                return default;
        }
    }
}
