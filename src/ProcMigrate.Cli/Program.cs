using ProcMigrate.Cli.Hosting;

return OpenFileFloor.Reach(args) ? new CommandLine(new LocalEngine(), new SshHosts(), Terminal.FromConsole()).Run(RawArguments.Of(args)) : 1;
