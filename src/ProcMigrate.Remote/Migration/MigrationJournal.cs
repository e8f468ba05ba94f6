using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using ProcMigrate.Linux.Processes;

namespace ProcMigrate.Remote.Migration;

/// <summary>
/// What the near side writes down before it lets the far side go ahead: where the tree has gone and which processes were it. With that
/// a migration is settled although the engine that began it has been killed: at once, by a second procmigrate that waits for just
/// this, or by hand, <c>migrate --settle</c>.
/// </summary>
internal sealed class MigrationJournal : IDisposable
{
    private readonly FileStream file;
    private readonly string path;

    private MigrationJournal(FileStream file, string path) => (this.file, this.path) = (file, path);

    public static MigrationJournal Begin(Guid id, SshTarget target, IReadOnlyList<int> pids)
    {
        string path = MigrationFolder.Source(id);
        var lines = new List<string> { $"host {target.Host}" };
        Add("user", target.User);
        Add("port", target.Port?.ToString(CultureInfo.InvariantCulture));
        Add("identity", target.IdentityFile is null ? null : Path.GetFullPath(target.IdentityFile));
        Add("config", target.ConfigFile);
        Add("executable", target.Executable);
        foreach (string option in target.Options)
            Add("option", option);
        foreach (int pid in pids)
            lines.Add(MigrationFolder.LineOf(pid, pid, runs: true));
        MigrationFolder.RemoveStale();
        FileStream file = MigrationFolder.Create(path, lines)
            ?? throw new RemoteException(RemoteFailure.FarSideFailed, target.Host, $"{path} is in use by another procmigrate");
        var journal = new MigrationJournal(file, path);
        try
        {
            StandBy(id, target);
            return journal;
        }
        catch
        {
            journal.End();
            throw;
        }

        void Add(string key, string? value)
        {
            if (value is not null)
                lines.Add($"{key} {value}");
        }
    }

    /// <summary>The outcome is known, and the processes here are what they should be.</summary>
    public void End()
    {
        File.Delete(path);
        file.Dispose();
    }

    public void Dispose() => file.Dispose();

    /// <exception cref="RemoteException">It does not say where the tree went.</exception>
    public static SshTarget TargetIn(List<string> lines, string path)
    {
        string? Find(string key) => lines.Find(l => l.StartsWith(key + " ", StringComparison.Ordinal))?[(key.Length + 1)..];
        var options = new List<string>();
        foreach (string line in lines)
        {
            if (line.StartsWith("option ", StringComparison.Ordinal))
                options.Add(line[7..]);
        }
        int port = 0;
        if (Find("host") is not { Length: > 0 } host || (Find("port") is { } number && !int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out port)))
        {
            throw new RemoteException(
                RemoteFailure.Unsettled, "",
                $"{path} does not say where the tree went: it is damaged. If the tree stands stopped here, look for it on the other host; then kill one of the two, and remove the file");
        }
        return new SshTarget(host)
        {
            User = Find("user"),
            Port = port == 0 ? null : port,
            IdentityFile = Find("identity"),
            ConfigFile = Find("config"),
            Executable = Find("executable"),
            Options = options,
        };
    }

    /// <summary>
    /// Starts the second procmigrate: it waits until nobody holds the journal, and settles it if it is still
    /// there. Without it nothing is lost but time: the tree stays stopped until somebody settles it by hand.
    /// </summary>
    private static void StandBy(Guid id, SshTarget target)
    {
        string? executable = target.Executable ?? (RuntimeFeature.IsDynamicCodeSupported ? null : "/proc/self/exe");
        if (executable is null)
            return;
        var start = new ProcessStartInfo(executable) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string argument in (string[])["migrate", "--settle", id.ToString(), "--stand-by"])
            start.ArgumentList.Add(argument);
        CallerView.Run(() => Process.Start(start))?.Dispose();
    }
}
