namespace ProcMigrate.PowerShell.Completion;

/// <summary>Words of a command line that is being typed.</summary>
internal static class Quoting
{
    /// <summary>Without the quotes that the user has begun with.</summary>
    public static string Bare(string? word) => (word ?? "").Trim('\'', '"');

    /// <summary>As it must stand on a command line.</summary>
    public static string Quote(string word) =>
        word.All(letter => char.IsLetterOrDigit(letter) || "/._-+:~".Contains(letter, StringComparison.Ordinal))
            ? word
            : $"'{word.Replace("'", "''", StringComparison.Ordinal)}'";
}
