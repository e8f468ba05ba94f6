using System.Management.Automation;
using ProcMigrate.PowerShell.Completion;
using ProcMigrate.PowerShell.Running;

namespace ProcMigrate.PowerShell.Cmdlets;

/// <summary>Send-ProcessImage: carries images to other hosts.</summary>
[Cmdlet(VerbsCommunications.Send, "ProcessImage", DefaultParameterSetName = InputObjectSet, SupportsShouldProcess = true)]
[OutputType(typeof(RemoteProcessImage))]
public sealed class SendProcessImageCommand : ImageFileCmdlet
{
    /// <summary>The hosts as ssh knows them. (A property named Host would hide PSCmdlet.Host.)</summary>
    [Parameter(Mandatory = true, Position = 1)]
    [Alias("Host", "ComputerName")]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    public override string[]? HostName { get; set; }

    /// <summary>Folder or file there; nothing is ever overwritten.</summary>
    [Parameter]
    [Alias("Destination")]
    [ValidateNotNullOrEmpty]
    public string? DestinationPath { get; set; }

    /// <summary>How it is sent.</summary>
    [Parameter]
    public ImageCompression Compress { get; set; }

    /// <summary>Returns a job at once, which does it.</summary>
    [Parameter]
    public SwitchParameter AsJob { get; set; }

    private protected override bool InJob => AsJob;

    /// <summary>What is sent lies here, whatever -HostName says.</summary>
    private protected override IEnumerable<Place> Sources => [Place.Here];

    private protected override void ProcessImageFile(string path, Place place, ProcessImage? known)
    {
        if (place.HostName is not null)
        {
            var refused = new InvalidOperationException(
                $"{place.Describe(path)} lies on another host: get it here with Receive-ProcessImage, or run Send-ProcessImage there.");
            WriteErrorRecord(refused, "ImageOnAnotherHost", ErrorCategory.InvalidOperation, known);
            return;
        }

        foreach (var target in Places(HostName))
        {
            var size = File.Exists(path) ? $" ({ByteText.Of(new FileInfo(path).Length)})" : "";
            if (!ShouldProcess(path + size, $"send to {target.HostName}"))
                continue;
            var verb = new VerbArguments("send")
                .Option("--to", DestinationPath)
                .Choice<ImageCompression>("--compress", Compress == ImageCompression.Auto ? null : Compress)
                .With(target.Login)
                .Argument(path)
                .Argument(target.HostName!);
            Run(new VerbRun(verb, $"Sending {System.IO.Path.GetFileName(path)} to {target.HostName}", known ?? (object)path, result =>
                WriteObject(Answers.ToImage(result, target.Login)))
            { Elsewhere = true });
        }
    }
}
