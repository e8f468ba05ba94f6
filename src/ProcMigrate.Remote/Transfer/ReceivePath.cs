using ProcMigrate.Linux.Files;

namespace ProcMigrate.Remote.Transfer;

/// <summary>Where a received image goes.</summary>
internal static class ReceivePath
{
    /// <summary>The absolute path for an image called <paramref name="name"/>.</summary>
    /// <param name="to">A folder, or the file itself; null: the default folder, which is made if it is not there.</param>
    public static string Resolve(string? to, string name)
    {
        CheckName(name);
        if (string.IsNullOrEmpty(to))
            return Path.Combine(DefaultFolder(), name);
        string path = PathCalls.Full(ExpandHome(to));
        if (PathCalls.IsFolder(path))
            return Path.Combine(path, name);
        string folder = to.EndsWith('/') ? path : Path.GetDirectoryName(path) ?? "/";
        if (!PathCalls.IsFolder(folder))
            throw Unusable($"the folder {folder} does not exist; make it, or choose another with --to");
        return path;
    }

    /// <summary>The name comes from another host: it must be one name, not a way elsewhere.</summary>
    private static void CheckName(string name)
    {
        if (name.Length == 0 || name is "." or ".." || name.Contains('/') || name.Contains('\0'))
            throw new FrameException(FrameFault.BadPayload, "the image's name is not a file name");
    }

    private static string DefaultFolder() => StateFolder("images");

    /// <summary>The user's folder for state; it may not be there yet.</summary>
    public static string StateRoot()
    {
        string? state = Environment.GetEnvironmentVariable("XDG_STATE_HOME");
        // The XDG specification: a relative path is to be ignored.
        return state is not null && Path.IsPathRooted(state) ? state : Path.Combine(Home(), ".local/state");
    }

    /// <summary>A folder of ours in it, for us alone, made if it is not there.</summary>
    public static string StateFolder(string name) => Guarded(() => StateFolders.Make(Path.Combine(StateRoot(), "procmigrate"), name));

    /// <summary>The same, if it is there.</summary>
    public static string? ExistingStateFolder(string name) =>
        HasStateRoot() ? Guarded(() => StateFolders.Find(Path.Combine(StateRoot(), "procmigrate"), name)) : null;

    private static T Guarded<T>(Func<T> work)
    {
        try
        {
            return work();
        }
        catch (StateFolderException e)
        {
            throw Unusable(e.Message);
        }
    }

    private static bool HasStateRoot() =>
        Path.IsPathRooted(Environment.GetEnvironmentVariable("XDG_STATE_HOME") ?? "") || Environment.GetEnvironmentVariable("HOME") is { Length: > 0 };

    /// <summary>A tilde that the sender's shell left alone means the home folder here.</summary>
    private static string ExpandHome(string to) => to == "~" || to.StartsWith("~/", StringComparison.Ordinal) ? Home() + to[1..] : to;

    private static string Home() => Environment.GetEnvironmentVariable("HOME") is { Length: > 0 } home
        ? home
        : throw Unusable("the user has no home folder; choose a folder with --to");

    private static RemoteException Unusable(string message) => new(RemoteFailure.TargetUnusable, "", message);
}
