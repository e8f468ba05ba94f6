using ProcMigrate.Cli.Output;

namespace ProcMigrate.Cli.Verbs;

/// <summary>A verb that did its work. The exit code is not 0 where the answer itself says so: blockers found, a waited-for program's own.</summary>
/// <param name="Result">Null where another process has told it: the command's inner half.</param>
internal sealed record VerbOutcome(VerbResult? Result, int ExitCode = 0);
