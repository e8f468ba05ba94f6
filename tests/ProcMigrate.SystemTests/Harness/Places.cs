using System.Diagnostics;

namespace ProcMigrate.SystemTests.Harness;

/// <summary>Where the binary and the programs under test are.</summary>
internal static class Places
{
    internal static string Root { get; } = FindRoot();

    /// <summary>The binary: <c>PROCMIGRATE</c>, else what scripts/build has published.</summary>
    internal static string Binary => BinaryPath.Value;

    internal static string Programs { get; } = MakePrograms();

    /// <summary>Full counts, as scripts/nightly asks for them.</summary>
    internal static bool Long { get; } = Environment.GetEnvironmentVariable("PROCMIGRATE_LONG") == "1";

    internal static string Program(string name) => Path.Combine(Programs, name);

    private static readonly Lazy<string> BinaryPath = new(FindBinary);

    private static string FindRoot()
    {
        for (DirectoryInfo? at = new(AppContext.BaseDirectory); at is not null; at = at.Parent)
        {
            if (File.Exists(Path.Combine(at.FullName, "ProcMigrate.sln")))
                return at.FullName;
        }
        throw new InvalidOperationException("ProcMigrate.sln is in no folder above " + AppContext.BaseDirectory);
    }

    private static string FindBinary()
    {
        string path = Environment.GetEnvironmentVariable("PROCMIGRATE")
            ?? Path.Combine(Root, "artifacts/publish/ProcMigrate.Cli/release/procmigrate");
        return File.Exists(path) ? path : throw new FileNotFoundException("run scripts/build first: no binary at " + path);
    }

    private static string MakePrograms()
    {
        using Process make = Reaper.StartChild(new("make", ["-s", "-C", Path.Combine(Root, "tests/programs")]));
        make.WaitForExit();
        return make.ExitCode == 0
            ? Path.Combine(Root, "artifacts/programs")
            : throw new InvalidOperationException("tests/programs: make ended with code " + make.ExitCode);
    }
}
