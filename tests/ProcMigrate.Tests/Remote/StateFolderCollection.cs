using Xunit;

namespace ProcMigrate.Tests.Remote;

/// <summary>Tests that give the whole process another folder for its state; so they run when nothing else does.</summary>
[CollectionDefinition(Name, DisableParallelization = true)]
public sealed class StateFolderCollection
{
    internal const string Name = "state folder";
}
