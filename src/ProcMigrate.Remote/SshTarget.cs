namespace ProcMigrate.Remote;

/// <summary>A host as the system's ssh client finds it: a name of ~/.ssh/config, of DNS, or an address.</summary>
public sealed record SshTarget(string Host)
{
    /// <summary>Login name; null: what ssh would take.</summary>
    public string? User { get; init; }

    /// <summary>Port; null: what ssh would take.</summary>
    public int? Port { get; init; }

    /// <summary>File of the private key; null: what ssh would take.</summary>
    public string? IdentityFile { get; init; }

    /// <summary>Options in ssh_config's words, such as <c>ProxyJump=gate</c>; they win over everything else.</summary>
    public IReadOnlyList<string> Options { get; init; } = [];

    /// <summary>An ssh_config to read in place of the user's and the system's; null: those.</summary>
    public string? ConfigFile { get; init; }

    /// <summary>The procmigrate executable to run on the host; null: the one that is running now.</summary>
    public string? Executable { get; init; }

    /// <summary>What messages call the host: <c>user@host</c> where a user was named, else <c>host</c>.</summary>
    public string DisplayName => User is null ? Host : $"{User}@{Host}";
}
