using System.Management.Automation;

namespace ProcMigrate.PowerShell.Cmdlets;

/// <summary>Save-ProcessImage: writes a running process tree into one file, and ends it unless told otherwise.</summary>
[Cmdlet(VerbsData.Save, "ProcessImage", DefaultParameterSetName = NameSet, SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.High)]
[OutputType(typeof(LocalProcessImage))]
public sealed class SaveProcessImageCommand : SaveCmdlet
{
    /// <summary>The program runs on; else it ends once the image is durable.</summary>
    [Parameter]
    public SwitchParameter LeaveRunning { get; set; }

    /// <summary>The program is left stopped, as by SIGSTOP.</summary>
    [Parameter]
    public SwitchParameter LeaveStopped { get; set; }

    private protected override string? After => LeaveRunning ? "--leave-running" : LeaveStopped ? "--leave-stopped" : null;

    /// <summary>Before the first object.</summary>
    protected override void BeginProcessing()
    {
        if (!LeaveRunning || !LeaveStopped)
            return;
        var both = new PSArgumentException("-LeaveRunning and -LeaveStopped exclude each other.");
        ThrowTerminatingError(new ErrorRecord(both, "RunningAndStopped", ErrorCategory.InvalidArgument, null));
    }
}
