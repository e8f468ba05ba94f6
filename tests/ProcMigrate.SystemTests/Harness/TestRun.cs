using System.Runtime.InteropServices;

namespace ProcMigrate.SystemTests.Harness;

/// <summary>
/// What this run of the tests has of its own outside of it: one folder, and the programs under test, which live in sessions of their own.
/// A run that is ended by a signal takes both along; one that was killed leaves its folder to the next run.
/// </summary>
internal static class TestRun
{
    private const string Prefix = "procmigrate-test-";
    private const string LockName = "lock";
    private static readonly Lazy<string> Place = new(Begin);
    private static readonly List<PosixSignalRegistration> Registrations = [];
    private static FileStream? held;
    private static int ended;

    /// <summary>The folder that holds all folders of this run's tests.</summary>
    internal static string Folder => Place.Value;

    private static string Begin()
    {
        RemoveLeftOver();
        string folder = Directory.CreateTempSubdirectory(Prefix).FullName;
        // A test may open a folder of its own to another user, who has to come through here.
        File.SetUnixFileMode(folder, File.GetUnixFileMode(folder) | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute);
        held = Hold(folder, FileMode.CreateNew);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => End(folder);
        // Since .NET 10 a signal ends the process without that event.
        foreach (PosixSignal signal in (PosixSignal[])[PosixSignal.SIGTERM, PosixSignal.SIGHUP])
            Registrations.Add(PosixSignalRegistration.Create(signal, _ => End(folder)));
        return folder;
    }

    private static void End(string folder)
    {
        if (Interlocked.Exchange(ref ended, 1) != 0)
            return;
        Reaper.KillWatched();
        held?.Dispose();
        Directory.Delete(folder, recursive: true);
    }

    /// <summary>A lock tells the folder of a live run, in whichever pid namespace that is.</summary>
    private static FileStream Hold(string folder, FileMode mode) =>
        new(Path.Combine(folder, LockName), mode, FileAccess.ReadWrite, FileShare.None);

    private static void RemoveLeftOver()
    {
        foreach (string folder in Directory.GetDirectories(Path.GetTempPath(), Prefix + "*"))
        {
            try
            {
                // The folder goes while its lock is held: two runs may begin at once.
                using FileStream lockFile = Hold(folder, FileMode.Open);
                Directory.Delete(folder, recursive: true);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // That run is not over, or this one begins: no lock yet.
            }
        }
    }
}
