namespace ProcMigrate.Cli.Hosting;

/// <summary>The command line asks for something that makes no sense or is not to be had.</summary>
internal sealed class UsageException(string message) : Exception(message);
