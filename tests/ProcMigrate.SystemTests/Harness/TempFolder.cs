using System.Globalization;

namespace ProcMigrate.SystemTests.Harness;

/// <summary>A folder of a test's own, gone with it.</summary>
internal sealed class TempFolder : IDisposable
{
    private static int count;

    internal TempFolder()
    {
        string name = Interlocked.Increment(ref count).ToString(CultureInfo.InvariantCulture);
        Path = Directory.CreateDirectory(System.IO.Path.Combine(TestRun.Folder, name), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute).FullName;
    }

    internal string Path { get; }

    internal string this[string name] => System.IO.Path.Combine(Path, name);

    internal IReadOnlyList<string> Names =>
        [.. new DirectoryInfo(Path).EnumerateFileSystemInfos().Select(entry => entry.Name).Order(StringComparer.Ordinal)];

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
