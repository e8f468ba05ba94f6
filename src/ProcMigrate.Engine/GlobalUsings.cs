global using ProcMigrate.Engine.Contracts;
