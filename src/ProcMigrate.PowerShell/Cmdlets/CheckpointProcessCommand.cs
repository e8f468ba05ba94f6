using System.Management.Automation;

namespace ProcMigrate.PowerShell.Cmdlets;

/// <summary>Checkpoint-Process: writes a running process tree into one file, and lets it run on.</summary>
[Cmdlet(VerbsData.Checkpoint, "Process", DefaultParameterSetName = NameSet, SupportsShouldProcess = true)]
[OutputType(typeof(LocalProcessImage))]
public sealed class CheckpointProcessCommand : SaveCmdlet
{
    private protected override string? After => "--leave-running";
}
