using System.CommandLine;
using ProcMigrate.Cli.Hosting;
using ProcMigrate.Cli.Output;
using ProcMigrate.Engine.Contracts;
using ProcMigrate.Linux;
using ProcMigrate.Linux.X64;
using ProcMigrate.Remote.Migration;
using ProcMigrate.Remote.Transfer;

namespace ProcMigrate.Cli.Verbs;

/// <summary><c>migrate PID HOST</c>: save, send and restore as one act. Options are those of the verbs save and restore.</summary>
internal sealed class MigrateVerb : Verb
{
    private static readonly string[] NotOfSave = ["--output", "--leave-running", "--leave-stopped", "--force", "--compress", "--terminal"];
    private static readonly string[] NotOfRestore = ["--wait", "--only", "--trust", "--host", "--user", "--port", "--identity", "--ssh-option"];

    private readonly Argument<int?> pid = new("PID")
    {
        Description = "The root of the tree to move",
        Arity = ArgumentArity.ZeroOrOne,
        CustomParser = result => CommonOptions.ReadPid(result.Tokens[0].Value, result),
    };
    private readonly Argument<string?> host = new("HOST") { Description = "A host as ssh knows it", Arity = ArgumentArity.ZeroOrOne };
    private readonly Option<bool> keepImage = new("--keep-image") { Description = "Keep the image on the host, among those that it received" };
    private readonly Option<Compression> compress = CompressionOption.Create(CompressionOption.OfSending, auto: true);
    private readonly Option<string?> settle = new("--settle")
    {
        Description = "Find out what became of a migration that was broken off (all such, without ID), and end the tree here or let it run on",
        HelpName = "ID",
        Arity = ArgumentArity.ZeroOrOne,
    };
    private readonly Option<bool> standBy = new("--stand-by") { Hidden = true };
    private readonly SaveVerb save = new();
    private readonly RestoreOptionsOnTheWay restore = new();
    private readonly HostOptions login = new();

    public MigrateVerb()
        : base("migrate", "Move running processes to another host: save, send and restore as one act")
    {
        Command.Add(pid);
        Command.Add(host);
        foreach (var option in save.Command.Options.Where(option => !NotOfSave.Contains(option.Name)))
            Command.Add(option);
        restore.AddTo(Command, NotOfRestore);
        Command.Add(compress);
        Command.Add(keepImage);
        Command.Add(settle);
        Command.Add(standBy);
        login.AddLoginTo(Command);
        Command.AddRule(result =>
        {
            var settles = result.GetResult(settle) is { Implicit: false };
            if (settles == (result.GetValue(pid) is not null))
                result.AddError("Give a PID and a HOST, or --settle.");
            else if (!settles && result.GetValue(host) is null)
                result.AddError("Give the HOST to move to.");
            if (restore.IsGiven(result, "--stdio", "inherit") || restore.IsGiven(result, "--terminal", "inherit"))
                result.AddError("A program on another host has no terminal here: --stdio and --terminal take null or a PATH there.");
        });
    }

    public override VerbOutcome Execute(ParseResult line, VerbContext context)
    {
        if (line.CommandResult.GetResult(settle) is { Implicit: false })
            return Settle(line, context.Cancel);
        var name = line.GetValue(host)!;
        var target = login.Read(line, name);
        var root = line.GetValue(pid)!.Value;
        if (context.Engine.SaveInside([root], null, context.LetSignalsPass, context.Cancel) is { } code)
            return new(null, code);
        var settings = new MigrationSettings(target)
        {
            RestoreArguments = restore.Arguments(line),
            Compression = line.GetValue(compress),
            KeptName = line.GetValue(keepImage) ? SaveName(root) : null,
        };
        using var migration = context.Hosts.Migrate(
            settings, false, text => FarEvent.Error(text, name), p => context.Progress(new EngineProgress(p.Phase, p.Done, p.Total)), context.Cancel);
        var handover = new HostHandover(migration, name, checkOnly: false);
        var saved = context.Engine.Save(save.ReadOptions(line, [root]) with { Handover = handover }, context.Progress, context.Cancel);
        return new(ToResult(saved, handover.Restored, migration, name));
    }

    public override void Write(VerbResult result, TextWriter output)
    {
        if (result.Pid is null)
        {
            output.WriteLine(result.Host is null ? "nothing is to be settled" : "settled");
            return;
        }
        output.WriteLine($"{ResultText.Tree(result)} runs on {result.Host}, and not here any more");
        output.WriteLine($"  {ResultText.Facts(result)}; {Amount.Bytes(result.SentBytes ?? 0)} sent");
    }

    private static string SaveName(int pid) => $"migrated-{pid}-{DateTime.Now.ToString("yyyyMMdd'T'HHmmss", System.Globalization.CultureInfo.InvariantCulture)}.pmi";

    private VerbResult ToResult(SaveResult saved, VerbResult? restored, HostMigration migration, string name)
    {
        var timings = new Dictionary<string, double>(saved.Timings)
        {
            ["connectMs"] = Math.Round(migration.ConnectTime.TotalMilliseconds, 3),
            ["deployMs"] = Math.Round(migration.DeployTime.TotalMilliseconds, 3),
        };
        timings["totalMs"] += timings["connectMs"] + timings["deployMs"];
        if (restored?.Timings?.TryGetValue("totalMs", out var restoreMs) == true)
            timings["restoreMs"] = restoreMs - restored.Timings.GetValueOrDefault("arriveMs");
        var warnings = new List<string>(saved.Warnings);
        if (restored is null)
            warnings.Add($"the connection to {name} broke right after the tree had been let run there; what was said of it is lost");
        warnings.AddRange(restored?.Warnings ?? []);
        return new()
        {
            Verb = Name,
            Pid = restored?.Pid ?? saved.Pid,
            Processes = saved.Processes,
            Host = name,
            Timings = timings,
            MemoryBytes = saved.MemoryBytes,
            SentBytes = migration.SentBytes,
            StartTicks = restored?.StartTicks,
            ImageBytes = migration.ImageBytes,
            BytesPerSecond = (long)(migration.ImageBytes / Math.Max(timings.GetValueOrDefault("memoryMs"), 1) * 1000),
            Warnings = warnings,
            Bundle = saved.Bundle,
            Files = restored?.Files,
        };
    }

    private VerbOutcome Settle(ParseResult line, CancellationToken cancel)
    {
        var waits = line.GetValue(standBy);
        // A signal to the group of the engine that we stand by for is none for us.
        if (waits)
            RawSyscall.Try(SyscallNumber.setsid);
        var warnings = new List<string>();
        string? last = null;
        foreach (var id in line.GetValue(settle) is { } text ? [ReadId(text)] : Settling.Open())
        {
            if (Settling.Settle(id, waits, cancel) is not { } outcome)
                continue;
            last = outcome.Host;
            warnings.Add(outcome.Host.Length == 0 ? $"the migration {id} had not come so far that its tree could run elsewhere; it runs on here" : outcome.RunsThere ? $"the tree of {id} runs on {outcome.Host}, and has been ended here" : $"the tree of {id} does not run on {outcome.Host}; it runs on here");
        }
        return new(new VerbResult { Verb = Name, Host = last, Warnings = warnings });
    }

    private static Guid ReadId(string text) =>
        Guid.TryParse(text, out var id) ? id : throw new UsageException($"'{text}' is no id of a migration: it is the one that was told when it broke off.");
}
