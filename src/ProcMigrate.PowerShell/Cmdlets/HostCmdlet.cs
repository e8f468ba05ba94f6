using System.Collections;
using System.Management.Automation;
using ProcMigrate.PowerShell.Running;

namespace ProcMigrate.PowerShell.Cmdlets;

/// <summary>A cmdlet that may work on another host; its login parameters are named as those of PowerShell's own remoting over SSH.</summary>
public abstract class HostCmdlet : ProcMigrateCmdlet
{
    private const int DefaultThrottleLimit = 32;

    private HostLogin? given;

    /// <summary>Login name on the host; ssh's own choice unless given.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? UserName { get; set; }

    /// <summary>Port of its sshd.</summary>
    [Parameter]
    [ValidateRange(1, 65535)]
    public int Port { get; set; }

    /// <summary>File of the private key.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    [Alias("IdentityFilePath")]
    public string? KeyFilePath { get; set; }

    /// <summary>Options in ssh_config's words, such as @{ ProxyJump = 'gate' }.</summary>
    [Parameter]
    [ValidateNotNull]
    public Hashtable? Options { get; set; }

    /// <summary>Milliseconds until a host that does not answer is given up.</summary>
    [PSDefaultValue(Value = 15000)]
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int ConnectingTimeout { get; set; }

    /// <summary>How many hosts or images are worked on at once.</summary>
    [PSDefaultValue(Value = DefaultThrottleLimit)]
    [Parameter]
    [ValidateRange(1, 1024)]
    public int ThrottleLimit { get; set; } = DefaultThrottleLimit;

    /// <summary>Images of this host come in the order of their names, one by one, unless asked for otherwise.</summary>
    private protected override int LimitFor(VerbRun run) => run.Elsewhere || IsGiven(nameof(ThrottleLimit)) ? ThrottleLimit : 1;

    /// <summary>Only who asks for it gets the results of a pipeline out of order.</summary>
    private protected override bool Overlaps => IsGiven(nameof(ThrottleLimit)) && ThrottleLimit > 1;

    /// <summary>What was given here, and what was not given from the image that came by the pipeline.</summary>
    private protected HostLogin LoginFor(HostLogin known)
    {
        given ??= ReadLogin(UserName, IsGiven(nameof(Port)) ? Port : null, KeyFilePath, Options, IsGiven(nameof(ConnectingTimeout)) ? ConnectingTimeout : null);
        return new(
            given.UserName ?? known.UserName, given.Port ?? known.Port, given.KeyFilePath ?? known.KeyFilePath,
            given.SshOptions.Count > 0 ? given.SshOptions : known.SshOptions);
    }

    /// <summary>This host where no name is given.</summary>
    private protected IEnumerable<Place> Places(string[]? hostNames) => hostNames is not { Length: > 0 }
        ? [Place.Here]
        : hostNames.Select(name => Place.Parse(name, LoginFor(HostLogin.Default)));

    /// <summary>Where an image from the pipeline lies.</summary>
    private protected Place PlaceOf(ProcessImage image) => image is RemoteProcessImage there ? new(there.HostName, LoginFor(there.Login)) : Place.Here;
}
