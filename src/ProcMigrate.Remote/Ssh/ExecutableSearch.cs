namespace ProcMigrate.Remote.Ssh;

/// <summary>Finds programs on PATH, as execvp(3) does.</summary>
internal static class ExecutableSearch
{
    private const UnixFileMode AnyExecute = UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    public static string? Find(string name)
    {
        string path = Environment.GetEnvironmentVariable("PATH") ?? "/usr/local/bin:/usr/bin:/bin";
        foreach (string folder in path.Split(':'))
        {
            string candidate = Path.Combine(folder.Length == 0 ? "." : folder, name);
            if (File.Exists(candidate) && (File.GetUnixFileMode(candidate) & AnyExecute) != 0)
                return candidate;
        }
        return null;
    }
}
