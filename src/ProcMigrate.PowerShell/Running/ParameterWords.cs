using System.Collections.Frozen;
using System.Text.RegularExpressions;

namespace ProcMigrate.PowerShell.Running;

/// <summary>
/// The binary's advice names its own options, which whoever has only the cmdlets cannot give: this puts the parameters in their place.
/// </summary>
internal static partial class ParameterWords
{
    /// <summary>Only those whose names do not follow from the option's.</summary>
    private static readonly FrozenDictionary<string, string> Others = new Dictionary<string, string>
    {
        ["files"] = "FilesPath",
        ["host"] = "HostName",
        ["identity"] = "KeyFilePath",
        ["map"] = "PathMap",
        ["output"] = "DestinationPath",
        ["ssh-option"] = "Options",
        ["tcp"] = "TcpPolicy",
        ["to"] = "DestinationPath",
        ["user"] = "UserName",
    }.ToFrozenDictionary();

    /// <summary>Those that only the binary has.</summary>
    private static readonly FrozenSet<string> Kept = ["help", "json", "version"];

    public static string Of(string text) => Option().Replace(
        text.Replace("procmigrate migrate --settle", "Move-Process -Settle -MigrationId", StringComparison.Ordinal)
            .Replace("migrate --settle", "Move-Process -Settle", StringComparison.Ordinal)
            .Replace("(-o)", "(-DestinationPath)", StringComparison.Ordinal),
        option => Kept.Contains(option.Groups[1].Value) ? option.Value : $"-{Others.GetValueOrDefault(option.Groups[1].Value) ?? Pascal(option.Groups[1].Value)}");

    private static string Pascal(string name) => string.Concat(name.Split('-').Select(word => char.ToUpperInvariant(word[0]) + word[1..]));

    [GeneratedRegex(@"(?<![\w-])--([a-z]+(?:-[a-z]+)*)(?![\w-])")]
    private static partial Regex Option();
}
