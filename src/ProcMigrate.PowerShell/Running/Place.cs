namespace ProcMigrate.PowerShell.Running;

/// <summary>Where something lies or is to be done: this host, or another and how to log in there.</summary>
/// <param name="HostName">As ssh knows it; null: this host.</param>
internal sealed record Place(string? HostName, HostLogin Login)
{
    public static Place Here { get; } = new(null, HostLogin.Default);

    /// <summary>Reads <c>host</c> or <c>user@host</c>; the name before the @ counts more than that of <paramref name="login"/>.</summary>
    public static Place Parse(string? name, HostLogin login)
    {
        if (name is null)
            return Here;
        var at = name.LastIndexOf('@');
        return at <= 0 ? new(name, login) : new(name[(at + 1)..], login with { UserName = name[..at] });
    }

    public string Describe(string path) => HostName is null ? path : $"{HostName}:{path}";
}
