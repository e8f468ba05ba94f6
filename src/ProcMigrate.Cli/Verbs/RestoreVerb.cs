using System.CommandLine;
using System.CommandLine.Parsing;
using ProcMigrate.Cli.Hosting;
using ProcMigrate.Cli.Output;
using ProcMigrate.Engine.Contracts;
using ProcMigrate.Engine.Namespaces;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.ProcFs;

namespace ProcMigrate.Cli.Verbs;

/// <summary><c>restore FILE|-</c>: makes running processes from an image, here or on another host.</summary>
internal sealed class RestoreVerb : Verb
{
    private readonly Argument<string> file = CommonOptions.ImageFile("The image; - reads it from stdin");
    private readonly Option<string?> stdio = new("--stdio")
    {
        Description = "Where stdin, stdout and stderr go that were a terminal: inherit, null or a PATH (default: inherit; null with --json or --host)",
        HelpName = "inherit|null|PATH",
    };
    private readonly Option<string?> terminalOption = CommonOptions.Terminal(
        "What descriptors of a terminal outside the tree become: inherit, null or a PATH (default: as --stdio)");
    private readonly Option<bool> wait = new("--wait") { Description = "Wait for the program and end with its exit code" };
    private readonly Option<bool> leaveStopped = new("--leave-stopped") { Description = "Leave the tree stopped, as by SIGSTOP" };
    private readonly Option<bool> force = CommonOptions.Force("Restore although files changed since the save");
    private readonly Option<bool> trust = new("--trust")
    {
        Description = "Restore as root what belongs to another user, or what others can write",
    };
    private readonly Option<int[]> only = new("--only")
    {
        Description = "Restore this process of the image and its descendants alone; may be given several times",
        HelpName = "PID",
        CustomParser = CommonOptions.ReadPids,
    };
    private readonly Option<bool> pidNamespace = new("--pid-namespace")
    {
        Description = "Give the tree its pids inside a pid namespace of its own: for pids that are taken, further copies, users without privileges",
    };
    private readonly Option<string?> files = new("--files")
    {
        Description = "Of a bundle: unpack its files into this new or empty folder (default: one of the image's own)",
        HelpName = "DIR",
    };
    private readonly Option<bool> reuse = new("--reuse-host-files")
    {
        Description = "Of a bundle: use files of this host in place where they are the same and not written to",
    };
    private readonly Option<bool> sameNames = new("--same-names")
    {
        Description = "Of a bundle: show the program its files under their old names, in a view of its own",
    };
    private readonly Option<PathMap[]> map = new("--map")
    {
        Description = "Paths that begin with OLD begin with NEW here; may be given several times",
        HelpName = "OLD=NEW",
        CustomParser = ReadMaps,
    };
    private readonly Option<string?> changed = new("--file-changed")
    {
        Description = "Files that changed since the save: refuse them (default), accept them, or truncate logs that grew",
        HelpName = "refuse|accept|truncate",
        CustomParser = ReadChange,
    };
    private readonly HostOptions host = new();
    private string? spooledPath;

    public RestoreVerb()
        : base("restore", "Continue the processes of an image")
    {
        Command.Add(file);
        Command.Add(stdio);
        Command.Add(terminalOption);
        Command.Add(wait);
        Command.Add(leaveStopped);
        Command.Add(force);
        Command.Add(trust);
        Command.Add(only);
        Command.Add(pidNamespace);
        Command.Add(files);
        Command.Add(reuse);
        Command.Add(sameNames);
        Command.Add(map);
        Command.Add(changed);
        host.AddTo(Command);
        Command.AddRule(result =>
        {
            var reserved = result.GetValue(CommonOptions.Json) ? "--json" : host.IsGiven(result) ? "--host" : null;
            if ((result.GetValue(stdio) ?? result.GetValue(terminalOption)) == "inherit" && reserved is not null)
                result.AddError($"--stdio inherit and {reserved} exclude each other: stdout carries procmigrate's own lines then.");
            if (result.GetValue(file) == "-" && host.IsGiven(result))
                result.AddError("An image from stdin cannot be restored on another host: send it there first.");
        });
    }

    public override VerbOutcome Execute(ParseResult line, VerbContext context)
    {
        if (host.Read(line) is { } target)
            return FarVerb.Run(target, line, host, context, result => result.ExitCode ?? 0);

        var options = ReadOptions(line, line.GetRequiredValue(file)) with { Running = context.LetSignalsPass };
        using var spooled = options.ImagePath == "-" ? StandardInputImage.Read(context.Cancel) : null;
        if (spooled is not null)
            options = options with { ImagePath = spooledPath = spooled.Path, Source = "/proc/self/fd/0" };
        if (context.Engine.RestoreInside(options, spooled?.Handle, context.Cancel) is { } code)
            return new(null, code);
        var restored = context.Engine.Restore(options, context.Progress, context.Cancel);
        return new(ToResult(restored, spooled), restored.ExitCode ?? 0);
    }

    public override void Write(VerbResult result, TextWriter output)
    {
        // Of a program that was waited for, stdout holds what it said and nothing else.
        if (result.ExitCode is not null && result.Host is null)
            return;
        var where = result.Host is { } name ? $" on {name}" : "";
        var how = result.ExitCode is { } code ? $"ran{where} and ended with {code}" : $"runs{where}";
        output.WriteLine($"{ResultText.Tree(result)} {how}");
        output.WriteLine($"  {ResultText.Facts(result)}");
        FilesText.Write(result.Files, output);
    }

    public override ErrorEvent Reword(ErrorEvent error, ParseResult line)
    {
        if (error.Id == Failure.Interrupted && line.GetValue(wait))
            return error with { Message = "interrupted; a program that was restored already runs on" };
        return spooledPath is null ? error
            : error with { Message = error.Message.Replace(spooledPath, "the image on stdin", StringComparison.Ordinal) };
    }

    internal RestoreOptions ReadOptions(ParseResult line, string imagePath)
    {
        var fallback = line.GetValue(CommonOptions.Json) ? "null" : "inherit";
        var streams = line.GetValue(stdio) ?? line.GetValue(terminalOption) ?? fallback;
        var others = line.GetValue(terminalOption) ?? streams;
        return new()
        {
            ImagePath = imagePath,
            Stdio = ReadChoice(streams),
            StdioPath = ReadPath(streams),
            Terminal = ReadChoice(others),
            TerminalPath = ReadPath(others),
            TerminalAsSaved = line.GetValue(stdio) is null && line.GetValue(terminalOption) is null,
            Wait = line.GetValue(wait),
            LeaveStopped = line.GetValue(leaveStopped),
            Force = line.GetValue(force),
            Trust = line.GetValue(trust),
            Only = line.GetValue(only) ?? [],
            PidNamespace = line.GetValue(pidNamespace),
            FilesFolder = line.GetValue(files),
            ReuseHostFiles = line.GetValue(reuse),
            SameNames = line.GetValue(sameNames),
            Maps = line.GetValue(map) ?? [],
            AcceptChangedFiles = line.GetValue(changed) == "accept",
            TruncateGrownFiles = line.GetValue(changed) == "truncate",
        };
    }

    private static string? ReadChange(ArgumentResult result)
    {
        var text = result.Tokens[0].Value;
        if (text is not ("refuse" or "accept" or "truncate"))
            result.AddError($"--file-changed takes refuse, accept or truncate, not '{text}'.");
        return text;
    }

    private static PathMap[] ReadMaps(ArgumentResult result)
    {
        var maps = new PathMap[result.Tokens.Count];
        for (var index = 0; index < maps.Length; index++)
        {
            var text = result.Tokens[index].Value;
            var sign = text.IndexOf('=', StringComparison.Ordinal);
            var (old, now) = sign < 0 ? ("", "") : (text[..sign].TrimEnd('/'), text[(sign + 1)..].TrimEnd('/'));
            if (old is not ['/', ..] || now is not ['/', ..])
                result.AddError($"--map takes OLD=NEW, both absolute paths other than /, not '{text}'.");
            maps[index] = new(old, now);
        }

        return maps;
    }

    private static StdioChoice ReadChoice(string text) => text switch
    {
        "inherit" => StdioChoice.Inherit,
        "null" => StdioChoice.Null,
        _ => StdioChoice.Path,
    };

    private static string? ReadPath(string text) => text is "inherit" or "null" ? null : text;

    private VerbResult ToResult(RestoreResult restored, StandardInputImage? spooled) => new()
    {
        Verb = Name,
        Pid = restored.Pid,
        InnerPid = restored.InnerPid,
        Processes = restored.Processes,
        Image = new(
            spooled is null ? restored.ImagePath : "-", restored.ImageId, spooled?.Length ?? FileStatus.OfPath(restored.ImagePath).Size),
        Timings = restored.Timings,
        MemoryBytes = restored.MemoryBytes,
        Warnings = restored.Warnings,
        ExitCode = restored.ExitCode,
        // Inside namespaces of the tree's own, pids and the time since boot are others.
        StartTicks = InsideNamespaces.Current is null ? (long?)ProcStat.TryOf(restored.Pid)?.StartTime : null,
        Files = restored.Files,
    };
}
