namespace ProcMigrate.PowerShell.Running;

/// <summary>Finds the binary that does the work: where the user says, in the module's own folder, on PATH.</summary>
internal static class BinaryLocator
{
    /// <summary>Names another binary, or a wrapper that gives it the privilege it needs.</summary>
    public const string Variable = "PROCMIGRATE";

    private const string FileName = "procmigrate";
    private const string Platform = "linux-x64";

    /// <exception cref="FileNotFoundException">There is none.</exception>
    public static string Find(string moduleFolder, Func<string, string?> environment)
    {
        if (environment(Variable) is { Length: > 0 } named)
        {
            return File.Exists(named) ? Path.GetFullPath(named)
                : throw new FileNotFoundException($"The environment variable {Variable} names {named}, but there is no such file.", named);
        }

        var own = Path.Combine(moduleFolder, Platform, FileName);
        var searched = (environment("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries);
        var found = searched.Select(folder => Path.Combine(folder, FileName)).Prepend(own).FirstOrDefault(File.Exists)
            ?? throw new FileNotFoundException(
                $"There is no {FileName}: neither {own} nor any on PATH. Install it there, or set {Variable} to its path.", own);
        if (found == own)
            MakeExecutable(own);
        return found;
    }

    /// <summary>Some ways to unpack a module's package lose the permission to run.</summary>
    private static void MakeExecutable(string path)
    {
        const UnixFileMode anyExecute = UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;
        var mode = File.GetUnixFileMode(path);
        if ((mode & anyExecute) != 0)
            return;
        try
        {
            File.SetUnixFileMode(path, mode | anyExecute);
        }
        catch (UnauthorizedAccessException refused)
        {
            throw new UnauthorizedAccessException($"{path} is not executable, and only its owner can change that: chmod +x {path}", refused);
        }
    }
}
