using System.Management.Automation;
using ProcMigrate.PowerShell.Completion;
using ProcMigrate.PowerShell.Running;

namespace ProcMigrate.PowerShell.Cmdlets;

/// <summary>A cmdlet that writes running process trees into files.</summary>
public abstract class SaveCmdlet : ProcessCmdlet
{
    private readonly List<(int Id, string Name)> together = [];
    private int saved;

    /// <summary>The file to write, or a folder for files named NAME-PID-TIME.pmi; the current folder unless given.</summary>
    [PSDefaultValue(Help = "The current folder")]
    [Parameter(Position = 1)]
    [Alias("Path", "Destination")]
    [ValidateNotNullOrEmpty]
    [ArgumentCompleter(typeof(ImagePathCompleter))]
    public string? DestinationPath { get; set; }

    /// <summary>All processes given in one image, such as both ends of a connection.</summary>
    [Parameter]
    public SwitchParameter SingleImage { get; set; }

    /// <summary>How memory is stored; nothing is measured here, so that there is no Auto.</summary>
    [PSDefaultValue(Help = nameof(ImageCompression.None))]
    [Parameter]
    [ValidateSet(nameof(ImageCompression.Lz4), nameof(ImageCompression.None))]
    public ImageCompression Compress { get; set; } = ImageCompression.None;

    /// <summary>What a restore that is not told makes of a terminal outside the tree: null, or a file.</summary>
    [PSDefaultValue(Help = "The terminal of the restore")]
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string? Terminal { get; set; }

    /// <summary>Replaces the file where it exists.</summary>
    [Parameter]
    public SwitchParameter Force { get; set; }

    /// <summary>The binary's option for what becomes of the program; null: it ends.</summary>
    private protected abstract string? After { get; }

    private protected sealed override void ProcessEnd()
    {
        if (together.Count > 0)
            Save(together);
    }

    private protected sealed override void ProcessOne(int id, string name)
    {
        if (SingleImage)
            together.Add((id, name));
        else
            Save([(id, name)]);
    }

    private void Save(List<(int Id, string Name)> processes)
    {
        var (pid, name) = processes[0];
        var output = OutputFor(name, pid);
        if (!MayProceed(processes, output))
            return;
        var verb = new VerbArguments("save")
            .Option("--output", output)
            .Flag(After ?? "", After is not null)
            .Choice<ImageCompression>("--compress", Compress == ImageCompression.None ? null : Compress)
            .Option("--terminal", Terminal is null or "null" or "inherit" ? Terminal : ToFilePath(Terminal))
            .Flag("--force", Force);
        AddSaveOptions(verb);
        foreach (var process in processes)
            verb.Argument(process.Id);
        Run(new VerbRun(verb, $"Saving {Subject(processes)}", pid, result =>
            WriteObject(Answers.ToSavedImage(result, DateTimeOffset.Now, Environment.MachineName))));
    }

    /// <summary>Asks where a process would end; where it goes on nothing is lost, and only -Confirm asks.</summary>
    private bool MayProceed(List<(int Id, string Name)> processes, string? output)
    {
        var end = After switch
        {
            "--leave-running" => "save and leave running",
            "--leave-stopped" => "save and leave stopped",
            _ => "save and end",
        };
        var subject = Subject(processes);
        if (IsWhatIf)
        {
            var outlook = string.Join("; ", processes.Select(process => Outlook(process.Id, Place.Here)));
            return ShouldProcess($"{end} {subject} to {output ?? ImageName.For(processes[0].Name, processes[0].Id, DateTime.Now)}: {outlook}", null, null);
        }

        if (After is not null && !MyInvocation.BoundParameters.ContainsKey("Confirm"))
            return true;
        return ShouldProcess(subject, end);
    }

    private static string Subject(IEnumerable<(int Id, string Name)> processes) =>
        string.Join(", ", processes.Select(process => $"{process.Name} ({process.Id})"));

    /// <summary>Null: the binary's own choice of name, in the current folder.</summary>
    private string? OutputFor(string name, int pid)
    {
        if (DestinationPath is null)
            return null;
        var path = ToFilePath(DestinationPath);
        if (Directory.Exists(path))
            return System.IO.Path.Combine(path, ImageName.For(name, pid, DateTime.Now));
        if (saved++ > 0)
        {
            var several = new PSArgumentException($"{path} is one file, but there are several processes: name a folder, or give -SingleImage.");
            ThrowTerminatingError(new ErrorRecord(several, "PathIsOneFile", ErrorCategory.InvalidArgument, path));
        }

        return path;
    }
}
