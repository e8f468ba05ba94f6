namespace ProcMigrate.HelpBuilder;

/// <summary>A page that does not say what it must.</summary>
internal sealed class HelpException(string path, string message) : Exception(message)
{
    public string Path { get; } = path;
}
