using System.Globalization;
using Microsoft.Win32.SafeHandles;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.ProcFs;
using ProcMigrate.Remote.Transfer;

namespace ProcMigrate.Remote.Migration;

/// <summary>
/// What the two sides of a migration write down, one small file each, while it is not yet certain on which side the tree lives:
/// <c>ID.source</c> on the near side, <c>ID.held</c> on the far side. Whoever works on a migration holds its file locked. The outcome is
/// a symbolic link, <c>ID.outcome</c>: it is made whole in one step, and never twice.
/// </summary>
internal static class MigrationFolder
{
    public const string Runs = "runs";
    public const string Aborted = "aborted";
    private const int Longest = 16 << 20;
    private static readonly TimeSpan Stale = TimeSpan.FromDays(30);

    /// <summary>The folder, made if it is not there.</summary>
    public static string Path() => ReceivePath.StateFolder("migrations");

    public static string Source(Guid id) => $"{Path()}/{id}.source";

    public static string Held(Guid id) => $"{Path()}/{id}.held";

    private static string Outcome(Guid id) => $"{Path()}/{id}.outcome";

    /// <summary>Settles the migration, unless it is; gives the outcome that holds.</summary>
    public static string Settle(Guid id, string outcome)
    {
        string path = Outcome(id);
        try
        {
            File.CreateSymbolicLink(path, outcome);
            SyncFolder();
            return outcome;
        }
        catch (IOException) when (OutcomeOf(id) is { } settled)
        {
            return settled;
        }
    }

    /// <summary>The outcome; null where it is not settled, or where something stands there that settles nothing.</summary>
    public static string? OutcomeOf(Guid id) => new FileInfo(Outcome(id)).LinkTarget is { } outcome and (Runs or Aborted) ? outcome : null;

    public static void Forget(Guid id)
    {
        File.Delete(Outcome(id));
        File.Delete(Held(id));
    }

    /// <summary>
    /// The file, locked for us; null where somebody else has it or, with <paramref name="create"/> false, it is not there. One that another
    /// user can have written is as good as none: processes are ended by what stands in it.
    /// </summary>
    public static FileStream? TryLock(string path, bool create) => Stream(StateFile.TryLock(path, create));

    /// <summary>A new file, whole from the moment on that it is there, and locked for us; null where there is one.</summary>
    public static FileStream? Create(string path, IEnumerable<string> lines)
    {
        FileStream? file = Stream(StateFile.CreateLocked(path, Text(lines)));
        SyncFolder();
        return file;
    }

    public static void Write(FileStream file, IEnumerable<string> lines)
    {
        file.Write(Text(lines));
        file.Flush(flushToDisk: true);
        SyncFolder();
    }

    /// <summary>What nobody of us has written is left out line by line; of a file that is too long, all of it.</summary>
    public static List<string> Read(FileStream file)
    {
        if (file.Length > Longest)
            return [];
        file.Position = 0;
        using var reader = new StreamReader(file, leaveOpen: true);
        return [.. reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries)];
    }

    private static FileStream? Stream(SafeFileHandle? handle) => handle is null ? null : new FileStream(handle, FileAccess.ReadWrite, bufferSize: 0);

    private static byte[] Text(IEnumerable<string> lines) => System.Text.Encoding.UTF8.GetBytes(string.Join('\n', lines) + "\n");

    /// <summary>Nothing asks after so long; whoever did not come back by then has found his tree stopped, or dead.</summary>
    public static void RemoveStale()
    {
        foreach (string path in Directory.EnumerateFiles(Path(), "*.*"))
        {
            if ((path.EndsWith(".held", StringComparison.Ordinal) || path.EndsWith(".outcome", StringComparison.Ordinal) || path.EndsWith(".new", StringComparison.Ordinal))
                && new FileInfo(path).LastWriteTimeUtc < DateTime.UtcNow - Stale)
                File.Delete(path);
        }
    }

    /// <summary>A process in words that no other will ever answer to: boot, pid, start, and what becomes of it.</summary>
    /// <param name="outerPid">Its pid outside of namespaces that we may be in.</param>
    public static string LineOf(int pid, int outerPid, bool runs) => string.Create(
        CultureInfo.InvariantCulture, $"process {BootId()} {outerPid} {StartOf(ProcStat.Of(pid))} {(runs ? Runs : "stopped")}");

    /// <summary>Those of the processes written down that are still there.</summary>
    public static List<(int Pid, bool Runs)> LivingIn(List<string> lines)
    {
        var living = new List<(int, bool)>();
        foreach (string line in lines)
        {
            if (line.Split(' ') is ["process", var boot, var pid, var start, var state] && boot == BootId()
                && int.TryParse(pid, CultureInfo.InvariantCulture, out int number) && long.TryParse(start, CultureInfo.InvariantCulture, out long ticks)
                && ProcStat.TryOf(number) is { State: not ('Z' or 'X') } stat && Math.Abs(StartOf(stat) - ticks) <= 1)
                living.Add((number, state == Runs));
        }
        return living;
    }

    /// <summary>In ticks since boot. Whoever reads it in a time namespace is shown it shifted, and rounded anew.</summary>
    private static long StartOf(ProcStat stat)
    {
        const long TicksPerSecond = 100, NanosecondsPerTick = 10_000_000;
        long shift = 0;
        foreach (string line in File.Exists("/proc/self/timens_offsets") ? File.ReadAllLines("/proc/self/timens_offsets") : [])
        {
            if (line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is ["boottime", var seconds, var nanoseconds])
                shift = long.Parse(seconds, CultureInfo.InvariantCulture) * TicksPerSecond + long.Parse(nanoseconds, CultureInfo.InvariantCulture) / NanosecondsPerTick;
        }
        return (long)stat.StartTime - shift;
    }

    private static string BootId() => File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim();

    private static void SyncFolder()
    {
        using var folder = Image.Storage.Posix.Open(Path(), Image.Storage.Posix.O_RDONLY | Image.Storage.Posix.O_DIRECTORY, 0, out _);
        if (folder is not null)
            _ = Image.Storage.Posix.Fsync(folder);
    }
}
