using System.Collections;
using System.Diagnostics;
using System.Management.Automation;
using ProcMigrate.PowerShell.Completion;
using ProcMigrate.PowerShell.Running;

namespace ProcMigrate.PowerShell.Cmdlets;

/// <summary>Test-ProcessImage: whether a process can be saved, or an image restored; with -Detailed what stands in the way.</summary>
[Cmdlet(VerbsDiagnostic.Test, "ProcessImage", DefaultParameterSetName = InputObjectSet)]
[OutputType(typeof(bool), typeof(ImageBlocker))]
public sealed class TestProcessImageCommand : ImageFileCmdlet, IRestoreParameters
{
    private const string IdSet = "Id";
    private const string ProcessSet = "Process";

    /// <summary>Running processes as Get-Process gives them.</summary>
    [Parameter(ParameterSetName = ProcessSet, Mandatory = true, ValueFromPipeline = true)]
    public Process[] Process { get; set; } = [];

    /// <summary>Running processes.</summary>
    [Parameter(ParameterSetName = IdSet, Mandatory = true)]
    [ValidateRange(1, int.MaxValue)]
    [ArgumentCompleter(typeof(ProcessIdCompleter))]
    public int[] Id { get; set; } = [];

    /// <summary>The hosts that the images are on; of processes, the hosts that they are to go to.</summary>
    [Parameter(ParameterSetName = PathSet, ValueFromPipelineByPropertyName = true)]
    [Parameter(ParameterSetName = LiteralPathSet)]
    [Parameter(ParameterSetName = ProcessSet)]
    [Parameter(ParameterSetName = IdSet)]
    [Alias("Host", "ComputerName")]
    [ArgumentCompleter(typeof(HostNameCompleter))]
    public override string[]? HostName { get; set; }

    /// <summary>The process alone, without its descendants.</summary>
    [Parameter(ParameterSetName = ProcessSet)]
    [Parameter(ParameterSetName = IdSet)]
    public SwitchParameter NoChildren { get; set; }

    /// <summary>What is to become of TCP connections that lead out of the tree.</summary>
    [Parameter(ParameterSetName = ProcessSet)]
    [Parameter(ParameterSetName = IdSet)]
    public ImageTcpPolicy TcpPolicy { get; set; }

    /// <summary>Whether it can be saved with the files that it uses.</summary>
    [Parameter(ParameterSetName = ProcessSet)]
    [Parameter(ParameterSetName = IdSet)]
    public SwitchParameter Bundle { get; set; }

    /// <summary>Files and folders that the bundle is to take along, too.</summary>
    [Parameter(ParameterSetName = ProcessSet)]
    [Parameter(ParameterSetName = IdSet)]
    [ValidateNotNullOrEmpty]
    public string[] Include { get; set; } = [];

    /// <summary>Files and folders that the bundle is to leave out.</summary>
    [Parameter(ParameterSetName = ProcessSet)]
    [Parameter(ParameterSetName = IdSet)]
    [ValidateNotNullOrEmpty]
    public string[] Exclude { get; set; } = [];

    /// <summary>Of an image: only these processes, each with its descendants.</summary>
    [Parameter(ParameterSetName = InputObjectSet)]
    [Parameter(ParameterSetName = PathSet)]
    [Parameter(ParameterSetName = LiteralPathSet)]
    [ValidateRange(1, int.MaxValue)]
    public int[] Only { get; set; } = [];

    /// <summary>Restored with its pids inside a pid namespace of its own; of a process, on the host that it is to go to.</summary>
    [Parameter]
    public SwitchParameter PidNamespace { get; set; }

    /// <summary>Restored with the files of its bundle in this folder.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? FilesPath { get; set; }

    /// <summary>Restored with the files of its bundle under their old names.</summary>
    [Parameter]
    public SwitchParameter SameNames { get; set; }

    /// <summary>Restored with files of the host where they are the same.</summary>
    [Parameter]
    public SwitchParameter ReuseHostFiles { get; set; }

    /// <summary>Restored with paths that are called otherwise there.</summary>
    [Parameter]
    [ValidateNotNull]
    public Hashtable PathMap { get; set; } = [];

    /// <summary>Restored with files that changed since the save treated so.</summary>
    [Parameter]
    public ImageFileChange FileChanged { get; set; }

    /// <summary>Restored by force.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <summary>Of an image: restored as root although it belongs to another user, or others can write it.</summary>
    [Parameter(ParameterSetName = InputObjectSet)]
    [Parameter(ParameterSetName = PathSet)]
    [Parameter(ParameterSetName = LiteralPathSet)]
    public SwitchParameter Trust { get; set; }

    /// <summary>Emits every blocker in place of a yes or no.</summary>
    [Parameter]
    [Alias("Blocker")]
    public SwitchParameter Detailed { get; set; }

    private protected override void ProcessOther()
    {
        var pids = ParameterSetName == IdSet ? Id : Process.Select(process => process.Id);
        foreach (var pid in pids)
        {
            foreach (var place in Sources)
            {
                var verb = new VerbArguments("check")
                    .Flag("--no-children", NoChildren)
                    .Tcp(TcpPolicy)
                    .RestoredAs(this, FilesPath)
                    .Bundle(Bundle, Include.Select(ToFilePath), Exclude.Select(ToFilePath))
                    .At(place)
                    .Argument(pid);
                // One after the other: a process can be looked into by one at a time.
                Check(verb, $"process {pid}", pid);
            }
        }
    }

    private protected override void ProcessImageFile(string path, Place place, ProcessImage? known)
    {
        var image = place.Describe(path);
        var files = FilesPath is null || place.HostName is not null ? FilesPath : ToFilePath(FilesPath);
        Check(new VerbArguments("check").Options("--only", Only).RestoredAs(this, files).Flag("--trust", Trust).At(place).Argument(path), image, known ?? (object)image, place.HostName is not null);
    }

    private void Check(VerbArguments verb, string subject, object target, bool elsewhere = false) => Run(new VerbRun(verb, $"Checking {subject}", target, result =>
    {
        var blockers = (result.Blockers ?? []).Select(blocker => Answers.ToBlocker(blocker, result.Host)).ToList();
        if (Detailed)
            WriteObject(blockers, enumerateCollection: true);
        else
            WriteObject(blockers.Count == 0);
    })
    { Elsewhere = elsewhere });
}
