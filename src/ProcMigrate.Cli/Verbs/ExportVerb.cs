using System.CommandLine;
using ProcMigrate.Cli.Hosting;
using ProcMigrate.Cli.Output;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Cli.Verbs;

/// <summary><c>export FILE --core OUT | --files DIR | --json</c>: an image's contents in forms that other tools read.</summary>
internal sealed class ExportVerb : Verb
{
    private readonly Argument<string> file = CommonOptions.ImageFile();
    private readonly Option<string?> core = new("--core") { Description = "Write a core file, as for gdb", HelpName = "OUT" };
    private readonly Option<string?> files = new("--files") { Description = "Write the files of a bundle into a new or empty folder", HelpName = "DIR" };
    private readonly Option<int?> pid = CommonOptions.Pid("The process the core file is of (default: the root)");

    public ExportVerb()
        : base("export", "Write an image's contents in forms that other tools read: a core file, a bundle's files or, with --json, everything but memory")
    {
        Command.Add(file);
        Command.Add(core);
        Command.Add(files);
        Command.Add(pid);
        Command.AddRule(result =>
        {
            if (result.GetValue(core) is null && result.GetValue(files) is null && !result.GetValue(CommonOptions.Json))
                result.AddError("Export what? Give --core OUT, --files DIR, or --json.");
            if (result.GetValue(core) is null && result.GetResult(pid) is { Implicit: false })
                result.AddError("--pid says which process --core is of: give --core too.");
        });
    }

    public override VerbOutcome Execute(ParseResult line, VerbContext context)
    {
        using var image = OpenedImage.Open(line.GetRequiredValue(file));
        var process = line.GetValue(pid) is { } wanted ? Find(image, wanted) : image.Root;
        var result = new VerbResult
        {
            Verb = Name,
            Pid = process.Pid,
            Processes = image.Processes,
            Image = image.Summary,
            MemoryBytes = image.MemoryBytes,
        };
        if (line.GetValue(files) is { } folder)
        {
            List<string> warnings = [];
            result = result with { Files = context.Engine.ExportFiles(image.Summary.Path, folder, warnings, context.Progress, context.Cancel), Warnings = warnings };
            if (line.GetValue(core) is null)
                return new(result);
        }

        if (line.GetValue(core) is not { } path)
            return new(result with { Tree = image.TreeJson() });

        image.ExportCore(process.Pid, path);
        return new(result with { Core = PathCalls.Full(path) });
    }

    public override void Write(VerbResult result, TextWriter output)
    {
        if (result.Files is { } written)
            output.WriteLine($"{Amount.Count(written.Count, "name")} written into {written.Folder}");
        if (result.Core is not null)
            output.WriteLine($"core file of pid {result.Pid}: {result.Core} ({Amount.Bytes(FileStatus.OfPath(result.Core).Size)})");
    }

    private static ProcessRecord Find(OpenedImage image, int pid) =>
        image.Tree.Processes.FirstOrDefault(process => process.Pid == pid)
        ?? throw new UsageException(
            $"{image.Summary.Path} holds no process {pid}; it holds {string.Join(", ", image.Tree.Processes.Select(process => process.Pid))}.");
}
