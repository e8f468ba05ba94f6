using System.CommandLine;
using ProcMigrate.Cli.Output;
using ProcMigrate.Engine.Contracts;

namespace ProcMigrate.Cli.Verbs;

/// <summary><c>doctor</c>: what this kernel and user can and cannot do, each with its remedy.</summary>
internal sealed class DoctorVerb : Verb
{
    private readonly HostOptions host = new();
    private readonly Option<bool> clean = new("--clean") { Description = "Remove what restores that were killed have left" };

    public DoctorVerb()
        : base("doctor", "Tell what this kernel and user can and cannot do")
    {
        Command.Add(clean);
        host.AddTo(Command);
    }

    public override bool HasNothingToUndo(ParseResult line) => true;

    public override VerbOutcome Execute(ParseResult line, VerbContext context)
    {
        if (host.Read(line) is { } target)
            return FarVerb.Run(target, line, host, context, ExitCode);
        var result = new VerbResult { Verb = Name, Findings = context.Engine.Doctor(line.GetValue(clean)) };
        return new(result, ExitCode(result));
    }

    private static int ExitCode(VerbResult result) =>
        (result.Findings ?? []).Any(finding => finding.Needed && !finding.Available) ? (int)FailureClass.Failed : 0;

    public override void Write(VerbResult result, TextWriter output)
    {
        var findings = result.Findings ?? [];
        var table = new TextTable();
        foreach (var finding in findings)
            table.Add(State(finding), finding.Topic, finding.Detail);
        table.Write(output);

        var missing = findings.Where(finding => !finding.Available && finding.Remedy.Length > 0).ToList();
        if (missing.Count > 0)
            output.WriteLine();
        foreach (var finding in missing)
            output.WriteLine($"{finding.Topic}: {finding.Remedy}");
    }

    private static string State(DoctorFinding finding) => (finding.Available, finding.Needed) switch
    {
        (true, _) => "ok",
        (false, true) => "MISSING",
        (false, false) => "without",
    };
}
