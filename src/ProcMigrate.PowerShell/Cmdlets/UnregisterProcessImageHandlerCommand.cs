using System.Management.Automation;
using ProcMigrate.PowerShell.Running;

namespace ProcMigrate.PowerShell.Cmdlets;

/// <summary>Unregister-ProcessImageHandler: undoes Register-ProcessImageHandler.</summary>
[Cmdlet(VerbsLifecycle.Unregister, "ProcessImageHandler", SupportsShouldProcess = true)]
public sealed class UnregisterProcessImageHandlerCommand : ProcMigrateCmdlet
{
    private protected override void ProcessInput()
    {
        if (!BinaryFormat.IsRegistered && !File.Exists(BinaryFormat.BootFile))
        {
            WriteErrorRecord(
                new ItemNotFoundException("No handler of image files is registered."), "HandlerNotFound", ErrorCategory.ObjectNotFound, BinaryFormat.Name);
            return;
        }

        if (!ShouldProcess(BinaryFormat.Name, "unregister"))
            return;
        try
        {
            BinaryFormat.Unregister();
        }
        catch (Exception failure) when (failure is UnauthorizedAccessException or IOException)
        {
            WriteErrorRecord(failure, "HandlerNotRegistered", ErrorCategory.PermissionDenied, BinaryFormat.Name);
        }
    }
}
