using System.Management.Automation;
using ProcMigrate.PowerShell.Running;

namespace ProcMigrate.PowerShell.Cmdlets;

/// <summary>Register-ProcessImageHandler: lets an image file be run like a program, which restores it.</summary>
[Cmdlet(VerbsLifecycle.Register, "ProcessImageHandler", SupportsShouldProcess = true, ConfirmImpact = ConfirmImpact.Medium)]
[OutputType(typeof(ImageHandler))]
public sealed class RegisterProcessImageHandlerCommand : ProcMigrateCmdlet
{
    /// <summary>The script to write, which the kernel runs images with.</summary>
    [PSDefaultValue(Help = "/usr/local/libexec/procmigrate-open")]
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string ScriptPath { get; set; } = BinaryFormat.DefaultScript;

    /// <summary>After a reboot too, by systemd-binfmt.</summary>
    [Parameter]
    public SwitchParameter Permanent { get; set; }

    /// <summary>Emits what is registered.</summary>
    [Parameter]
    public SwitchParameter PassThru { get; set; }

    private protected override void ProcessInput()
    {
        var (script, binary) = (ToFilePath(ScriptPath), System.IO.Path.GetFullPath(Binary));
        if (!ShouldProcess("image files (*.pmi)", $"run them with {script}"))
            return;
        try
        {
            BinaryFormat.Register(script, binary, Permanent);
        }
        catch (Exception failure) when (failure is UnauthorizedAccessException or IOException)
        {
            WriteError(new ErrorRecord(failure, "HandlerNotRegistered", ErrorCategory.PermissionDenied, script)
            {
                ErrorDetails = new ErrorDetails(failure.Message) { RecommendedAction = "Only root may; and the kernel needs binfmt_misc (modprobe binfmt_misc)." },
            });
            return;
        }

        if (PassThru)
            WriteObject(new ImageHandler { Name = BinaryFormat.Name, Interpreter = script, Binary = binary, Permanent = Permanent });
    }
}
