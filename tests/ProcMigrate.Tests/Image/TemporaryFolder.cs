namespace ProcMigrate.Tests.Image;

/// <summary>A folder that goes away with its test.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("procmigrate-test-").FullName;

    public string File(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>Everything in it, hidden files too.</summary>
    public string[] Names() => [.. Directory.GetFileSystemEntries(Path).Select(p => System.IO.Path.GetFileName(p)).Order()];

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
