namespace ProcMigrate.Cli.Output;

/// <summary>Where the work is: <paramref name="Done"/> of <paramref name="Total"/> bytes of a phase.</summary>
internal sealed record ProgressEvent(string Verb, string Phase, long Done, long Total) : CliEvent;
