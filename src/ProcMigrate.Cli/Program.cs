using ProcMigrate.Cli.Hosting;

return new CommandLine(new LocalEngine(), new SshHosts(), Terminal.FromConsole()).Run(args);
