using System.Collections;
using System.Management.Automation;
using ProcMigrate.PowerShell.Completion;
using ProcMigrate.PowerShell.Running;

namespace ProcMigrate.PowerShell.Cmdlets;

/// <summary>Move-Process: moves running process trees to another host, as one act.</summary>
[Cmdlet(VerbsCommon.Move, "Process", DefaultParameterSetName = NameSet, SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High)]
[OutputType(typeof(RemoteProcess))]
public sealed class MoveProcessCommand : ProcessCmdlet, IRestoreParameters
{
    private const string SettleSet = "Settle";
    private const int DefaultThrottleLimit = 32;
    private const string Nowhere = "null";

    private HostLogin? login;

    /// <summary>The host to move to, as ssh knows it.</summary>
    [Parameter(ParameterSetName = InputObjectSet, Mandatory = true, Position = 0)]
    [Parameter(ParameterSetName = IdSet, Mandatory = true, Position = 0)]
    [Parameter(ParameterSetName = NameSet, Mandatory = true, Position = 1)]
    [Alias("Host", "ComputerName")]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    public string HostName { get; set; } = "";

    /// <summary>Finds out what became of moves that were broken off, and ends the tree here or lets it run on.</summary>
    [Parameter(ParameterSetName = SettleSet, Mandatory = true)]
    public SwitchParameter Settle { get; set; }

    /// <summary>The move to settle; all unless given.</summary>
    [Parameter(ParameterSetName = SettleSet)]
    [ValidateNotNullOrEmpty]
    public string? MigrationId { get; set; }

    /// <summary>Keeps the image on the host.</summary>
    [Parameter]
    public SwitchParameter KeepImage { get; set; }

    /// <summary>How memory is sent.</summary>
    [Parameter]
    public ImageCompression Compress { get; set; }

    /// <summary>Where stdin, stdout and stderr go there that were a terminal: null, or a file of that host.</summary>
    [PSDefaultValue(Value = Nowhere)]
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string Stdio { get; set; } = Nowhere;

    /// <summary>Where other descriptors of a terminal outside the tree go there: null, or a file; as -Stdio unless given.</summary>
    [PSDefaultValue(Help = "As -Stdio")]
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Terminal { get; set; }

    /// <summary>Leaves the tree stopped there, as by SIGSTOP.</summary>
    [Parameter]
    public SwitchParameter LeaveStopped { get; set; }

    /// <summary>Gives the tree its pids inside a pid namespace of its own there.</summary>
    [Parameter]
    public SwitchParameter PidNamespace { get; set; }

    /// <summary>Of a bundle: the folder there to unpack its files into.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? FilesPath { get; set; }

    /// <summary>Of a bundle: shows the program its files under their old names.</summary>
    [Parameter]
    public SwitchParameter SameNames { get; set; }

    /// <summary>Of a bundle: uses files of the host in place where they are the same.</summary>
    [Parameter]
    public SwitchParameter ReuseHostFiles { get; set; }

    /// <summary>Paths that are called otherwise there.</summary>
    [Parameter]
    [ValidateNotNull]
    public Hashtable PathMap { get; set; } = [];

    /// <summary>What is done about files that are not the same there.</summary>
    [Parameter]
    public ImageFileChange FileChanged { get; set; }

    /// <summary>Moves although files differ there, or the processor lacks instructions.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

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

    /// <summary>Options in ssh_config's words.</summary>
    [Parameter]
    [ValidateNotNull]
    public Hashtable? Options { get; set; }

    /// <summary>Milliseconds until a host that does not answer is given up.</summary>
    [PSDefaultValue(Value = 15000)]
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int ConnectingTimeout { get; set; }

    /// <summary>How many trees are moved at once.</summary>
    [PSDefaultValue(Value = DefaultThrottleLimit)]
    [Parameter]
    [ValidateRange(1, 1024)]
    public int ThrottleLimit { get; set; } = DefaultThrottleLimit;

    private protected override int LimitFor(VerbRun run) => ThrottleLimit;

    private protected override bool Overlaps => IsGiven(nameof(ThrottleLimit)) && ThrottleLimit > 1;

    private Place Target => Place.Parse(
        HostName,
        login ??= ReadLogin(UserName, IsGiven(nameof(Port)) ? Port : null, KeyFilePath, Options, IsGiven(nameof(ConnectingTimeout)) ? ConnectingTimeout : null));

    private protected override void ProcessOther()
    {
        if (!ShouldProcess(MigrationId ?? "all moves that were broken off", "settle"))
            return;
        var verb = new VerbArguments("migrate").Flag("--settle", MigrationId is null).Option("--settle", MigrationId);
        Run(new VerbRun(verb, "Settling moves", MigrationId, _ => { }));
    }

    private protected override void ProcessOne(int id, string name)
    {
        var (target, subject) = (Target, $"{name} ({id})");
        if (IsWhatIf ? !ShouldProcess($"move {subject} to {target.HostName}: {Outlook(id, target)}", null, null) : !ShouldProcess(subject, $"move to {target.HostName}"))
            return;
        var verb = AddSaveOptions(new VerbArguments("migrate"))
            .Flag("--keep-image", KeepImage)
            .Choice<ImageCompression>("--compress", Compress == ImageCompression.Auto ? null : Compress)
            .Option("--stdio", Stdio)
            .Option("--terminal", Terminal)
            .Flag("--leave-stopped", LeaveStopped)
            .RestoredAs(this, FilesPath)
            .With(target.Login)
            .Argument(id)
            .Argument(target.HostName!);
        Run(new VerbRun(verb, $"Moving {subject} to {target.HostName}", id, result => WriteObject(Answers.ToRemote(result, target.Login, DateTimeOffset.Now)))
        {
            Elsewhere = true,
        });
    }
}
