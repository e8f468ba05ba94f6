using System.Collections;
using System.Globalization;
using ProcMigrate.Remote;

namespace ProcMigrate.PowerShell.Running;

/// <summary>How to log in on a host, where ssh's own configuration does not say it.</summary>
internal sealed record HostLogin(string? UserName, int? Port, string? KeyFilePath, IReadOnlyList<string> SshOptions)
{
    public static HostLogin Default { get; } = new(null, null, null, []);

    /// <summary>Options in ssh_config's words, from a hashtable such as @{ ProxyJump = 'gate'; Compression = $true }.</summary>
    /// <exception cref="ArgumentException">A name that is no option.</exception>
    public static IReadOnlyList<string> ReadOptions(IDictionary options)
    {
        var words = new List<string>();
        foreach (DictionaryEntry option in options)
        {
            var name = option.Key.ToString() ?? "";
            if (name.Length == 0 || !name.All(char.IsAsciiLetterOrDigit))
                throw new ArgumentException($"'{name}' is no option of ssh_config(5).");
            var value = option.Value switch
            {
                bool yes => yes ? "yes" : "no",
                IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
                { } other => other.ToString(),
                null => "none",
            };
            words.Add($"{name}={value}");
        }

        return [.. words.Order(StringComparer.OrdinalIgnoreCase)];
    }

    /// <summary>ssh counts in whole seconds: less than one becomes one.</summary>
    public static string ConnectTimeout(int milliseconds) =>
        $"ConnectTimeout={Math.Max(1, (milliseconds + 999L) / 1000).ToString(CultureInfo.InvariantCulture)}";

    public IEnumerable<string> Arguments()
    {
        if (UserName is not null)
            yield return $"--user={UserName}";
        if (Port is { } port)
            yield return $"--port={port.ToString(CultureInfo.InvariantCulture)}";
        if (KeyFilePath is not null)
            yield return $"--identity={KeyFilePath}";
        foreach (var option in SshOptions)
            yield return $"--ssh-option={option}";
    }

    public SshTarget ToTarget(string host) => new(host)
    {
        User = UserName,
        Port = Port,
        IdentityFile = KeyFilePath,
        Options = SshOptions,
    };
}
