using System.Collections;
using System.Diagnostics;
using System.Management.Automation;
using ProcMigrate.PowerShell.Running;

namespace ProcMigrate.PowerShell.Cmdlets;

/// <summary>Restore-ProcessImage: continues the processes of an image, where the image lies.</summary>
[Cmdlet(VerbsData.Restore, "ProcessImage", DefaultParameterSetName = InputObjectSet, SupportsShouldProcess = true)]
[OutputType(typeof(Process), typeof(RemoteProcess), typeof(RestoredProcess))]
public sealed class RestoreProcessImageCommand : ImageFileCmdlet, IRestoreParameters
{
    private const string Nowhere = "null";

    /// <summary>Where stdin, stdout and stderr go that were a terminal: null, or a file.</summary>
    [PSDefaultValue(Help = "What the save was told by -Terminal, or null")]
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string Stdio { get; set; } = Nowhere;

    /// <summary>Where other descriptors of a terminal outside the tree go: null, or a file; as -Stdio unless given.</summary>
    [PSDefaultValue(Help = "As -Stdio")]
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Terminal { get; set; }

    /// <summary>Only these processes of the image, each with its descendants.</summary>
    [Parameter]
    [ValidateRange(1, int.MaxValue)]
    public int[] Only { get; set; } = [];

    /// <summary>Gives the tree its pids inside a pid namespace of its own.</summary>
    [Parameter]
    public SwitchParameter PidNamespace { get; set; }

    /// <summary>Of a bundle: the new or empty folder to unpack its files into; one of the image's own unless given.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? FilesPath { get; set; }

    /// <summary>Of a bundle: shows the program its files under their old names.</summary>
    [Parameter]
    public SwitchParameter SameNames { get; set; }

    /// <summary>Of a bundle: uses files of the host in place where they are the same.</summary>
    [Parameter]
    public SwitchParameter ReuseHostFiles { get; set; }

    /// <summary>Paths that are called otherwise here: @{ '/data/run1' = '/scratch/run1' }.</summary>
    [Parameter]
    [ValidateNotNull]
    public Hashtable PathMap { get; set; } = [];

    /// <summary>What is done about files that changed since the save.</summary>
    [Parameter]
    public ImageFileChange FileChanged { get; set; }

    /// <summary>Waits for the program to end.</summary>
    [Parameter]
    public SwitchParameter Wait { get; set; }

    /// <summary>Leaves the tree stopped, as by SIGSTOP.</summary>
    [Parameter]
    public SwitchParameter LeaveStopped { get; set; }

    /// <summary>Restores although files changed since the save.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <summary>Restores as root what belongs to another user, or what others can write.</summary>
    [Parameter]
    public SwitchParameter Trust { get; set; }

    /// <summary>Returns a job at once, which does it.</summary>
    [Parameter]
    public SwitchParameter AsJob { get; set; }

    private protected override bool InJob => AsJob;

    private protected override void ProcessImageFile(string path, Place place, ProcessImage? known)
    {
        var image = place.Describe(path);
        if (IsWhatIf ? !ShouldProcess($"restore {image}: {Outlook(path, place)}", null, null) : !ShouldProcess(image, "restore"))
            return;
        var verb = new VerbArguments("restore")
            // Where nothing is said here, what was said when it was saved counts.
            .Option("--stdio", IsGiven(nameof(Stdio)) || Terminal is not null ? StreamPath(Stdio, place) : null)
            .Option("--terminal", Terminal is null ? null : StreamPath(Terminal, place))
            .Options("--only", Only)
            .RestoredAs(this, FilesPathAt(place))
            .Flag("--trust", Trust)
            .Flag("--wait", Wait)
            .Flag("--leave-stopped", LeaveStopped)
            .At(place)
            .Argument(path);
        Run(new VerbRun(verb, $"Restoring {image}", known ?? (object)image, result =>
            WriteObject(result.Host is null ? ToLocal(result) : Answers.ToRemote(result, place.Login, DateTimeOffset.Now)))
        { Elsewhere = place.HostName is not null });
    }

    /// <summary>A Process with what the image adds to it; of one that has ended already, only the latter.</summary>
    private static object ToLocal(Answer result)
    {
        var restored = Answers.ToRestored(result);
        if (restored.ExitCode is not null)
            return restored;
        try
        {
            var process = new PSObject(Process.GetProcessById(restored.Id));
            process.Properties.Add(new PSNoteProperty("ImagePath", restored.ImagePath));
            process.Properties.Add(new PSNoteProperty("ImageId", restored.ImageId));
            process.Properties.Add(new PSNoteProperty("InnerId", restored.InnerId));
            process.Properties.Add(new PSNoteProperty("FilesPath", restored.FilesPath));
            process.Properties.Add(new PSNoteProperty("Files", restored.Files));
            process.Properties.Add(new PSNoteProperty("Processes", restored.Processes));
            process.Properties.Add(new PSNoteProperty("Timings", restored.Timings));
            return process;
        }
        catch (ArgumentException)
        {
            return restored;
        }
    }

    private string Outlook(string path, Place place)
    {
        var check = new VerbArguments("check").Options("--only", Only).RestoredAs(this, FilesPathAt(place)).Flag("--trust", Trust).At(place).Argument(path);
        return Verdict(Ask(check, $"Checking {place.Describe(path)}"));
    }

    private string? FilesPathAt(Place place) => FilesPath is null || place.HostName is not null ? FilesPath : ToFilePath(FilesPath);

    private string StreamPath(string choice, Place place) => choice == Nowhere || place.HostName is not null ? choice : ToFilePath(choice);
}
