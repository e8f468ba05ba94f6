namespace ProcMigrate.Remote.Migration;

/// <summary>Settles migrations whose engine ended before it knew the outcome.</summary>
public static class Settling
{
    private static readonly TimeSpan StandByPatience = TimeSpan.FromHours(1);

    /// <summary>Those that are written down here, by id.</summary>
    public static IReadOnlyList<Guid> Open()
    {
        var ids = new List<Guid>();
        foreach (string path in Directory.EnumerateFiles(MigrationFolder.Path(), "*.source"))
        {
            if (Guid.TryParse(Path.GetFileNameWithoutExtension(path), out Guid id))
                ids.Add(id);
        }
        return ids;
    }

    /// <summary>Ends the tree here where it runs over there, and lets it run on where it does not.</summary>
    /// <param name="standBy">Wait until the engine that began it has come to an end, and do nothing where that one settled it itself.</param>
    /// <returns>The host, empty where the migration had not come so far, and whether the tree runs there; null where there is nothing to settle.</returns>
    public static (string Host, bool RunsThere)? Settle(Guid id, bool standBy, CancellationToken cancel)
    {
        string path = MigrationFolder.Source(id);
        FileStream? file;
        while ((file = MigrationFolder.TryLock(path, create: false)) is null)
        {
            if (!File.Exists(path))
                return null;
            if (!standBy)
                throw new RemoteException(RemoteFailure.Unsettled, "", $"the migration {id} is still at work and settles itself, or {path} is not a file of this user alone");
            cancel.ThrowIfCancellationRequested();
            Thread.Sleep(100);
        }
        using var held = file;
        if (!File.Exists(path))
            return null;
        List<string> lines = MigrationFolder.Read(file);
        SshTarget target = MigrationJournal.TargetIn(lines, path);
        List<int> pids = MigrationFolder.LivingIn(lines).ConvertAll(process => process.Pid);
        using SettleCall call = SettleCall.Ask(id, target, standBy ? StandByPatience : TimeSpan.Zero, null, pids, cancel);
        if (call.Runs)
            HeldProcesses.Kill(lines);
        else
            HeldProcesses.LetRun(lines);
        File.Delete(path);
        call.Finish();
        return (target.Host, call.Runs);
    }
}
