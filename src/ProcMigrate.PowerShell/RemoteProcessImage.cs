using ProcMigrate.PowerShell.Running;

namespace ProcMigrate;

/// <summary>An image on another host.</summary>
public sealed class RemoteProcessImage : ProcessImage
{
    /// <summary>The host the file is on.</summary>
    public required string HostName { get; init; }

    /// <summary>How to log in there, so that the next cmdlet of a pipeline needs not be told again.</summary>
    internal HostLogin Login { get; init; } = HostLogin.Default;

    internal override Place Place => new(HostName, Login);

    /// <summary>The file and its host, in words that are no path here: not HOST:FILE, which would be a drive of PowerShell's.</summary>
    public override string ToString() => $"{ImagePath} on {HostName}";
}
