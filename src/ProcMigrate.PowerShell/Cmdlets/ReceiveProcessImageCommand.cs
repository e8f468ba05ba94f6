using System.Management.Automation;
using ProcMigrate.PowerShell.Completion;
using ProcMigrate.PowerShell.Running;

namespace ProcMigrate.PowerShell.Cmdlets;

/// <summary>Receive-ProcessImage: gets images from other hosts.</summary>
[Cmdlet(VerbsCommunications.Receive, "ProcessImage", DefaultParameterSetName = InputObjectSet, SupportsShouldProcess = true)]
[OutputType(typeof(LocalProcessImage))]
public sealed class ReceiveProcessImageCommand : ImageFileCmdlet
{
    /// <summary>The hosts that the images are on.</summary>
    [Parameter(ParameterSetName = PathSet, Mandatory = true, ValueFromPipelineByPropertyName = true)]
    [Parameter(ParameterSetName = LiteralPathSet, Mandatory = true)]
    [Alias("Host", "ComputerName")]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    public override string[]? HostName { get; set; }

    /// <summary>Folder or file here; the current folder unless given. Nothing is ever overwritten.</summary>
    [PSDefaultValue(Help = "The current folder")]
    [Parameter(Position = 1)]
    [Alias("Destination")]
    [ValidateNotNullOrEmpty]
    public string DestinationPath { get; set; } = ".";

    /// <summary>Returns a job at once, which does it.</summary>
    [Parameter]
    public SwitchParameter AsJob { get; set; }

    private protected override bool InJob => AsJob;

    private protected override void ProcessImageFile(string path, Place place, ProcessImage? known)
    {
        if (place.HostName is null)
        {
            WriteErrorRecord(new InvalidOperationException($"{path} lies on this host already."), "ImageIsHere", ErrorCategory.InvalidOperation, known);
            return;
        }

        var to = ToFilePath(DestinationPath);
        if (Directory.Exists(to))
            to = System.IO.Path.Combine(to, System.IO.Path.GetFileName(path));
        var from = place.Describe(path);
        if (!ShouldProcess(from, $"receive to {to}"))
            return;
        Run(new VerbRun(new VerbArguments("receive"), $"Receiving {from}", known ?? (object)from, _ => Tell(to))
        {
            Elsewhere = true,
            Otherwise = () => new FetchRun(place, path, to),
        });
    }

    private void Tell(string path) => Run(new VerbRun(
        new VerbArguments("inspect").Argument(path), $"Reading {path}", path, result => WriteObject(Answers.ToImage(result, HostLogin.Default))));
}
