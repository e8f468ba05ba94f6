using System.Collections;
using System.Management.Automation;

namespace ProcMigrate.PowerShell.Running;

/// <summary>The parameters that decide whether, and as what, an image can be restored: of the restore itself, of a move, and of what asks beforehand.</summary>
internal interface IRestoreParameters
{
    SwitchParameter PidNamespace { get; }

    string? FilesPath { get; }

    SwitchParameter SameNames { get; }

    SwitchParameter ReuseHostFiles { get; }

    Hashtable PathMap { get; }

    ImageFileChange FileChanged { get; }

    SwitchParameter Force { get; }
}
