using System.Diagnostics;
using System.Management.Automation;
using ProcMigrate.PowerShell.Completion;
using ProcMigrate.PowerShell.Running;

namespace ProcMigrate.PowerShell.Cmdlets;

/// <summary>A cmdlet that takes running process trees, by object, id or name, and saves them in one way or another.</summary>
public abstract class ProcessCmdlet : ProcMigrateCmdlet
{
    private protected const string NameSet = "Name";
    private protected const string IdSet = "Id";
    private protected const string InputObjectSet = "InputObject";

    /// <summary>Processes as Get-Process gives them.</summary>
    [Parameter(ParameterSetName = InputObjectSet, Mandatory = true, ValueFromPipeline = true)]
    public Process[] InputObject { get; set; } = [];

    [Parameter(ParameterSetName = IdSet, Mandatory = true)]
    [ValidateRange(1, int.MaxValue)]
    [ArgumentCompleter(typeof(ProcessIdCompleter))]
    public int[] Id { get; set; } = [];

    /// <summary>Names as Get-Process takes them, wildcards included.</summary>
    [Parameter(ParameterSetName = NameSet, Mandatory = true, Position = 0)]
    [Alias("ProcessName")]
    [ValidateNotNullOrEmpty]
    [SupportsWildcards]
    [ArgumentCompleter(typeof(ProcessNameCompleter))]
    public string[] Name { get; set; } = [];

    /// <summary>The process alone, without its descendants.</summary>
    [Parameter]
    public SwitchParameter NoChildren { get; set; }

    /// <summary>How memory is taken.</summary>
    [Parameter]
    public ImageSaveMethod Method { get; set; }

    /// <summary>What becomes of TCP connections that lead out of the tree.</summary>
    [Parameter]
    public ImageTcpPolicy TcpPolicy { get; set; }

    /// <summary>Takes the files that the program uses along in the image, for hosts that do not have them.</summary>
    [Parameter]
    public SwitchParameter Bundle { get; set; }

    /// <summary>Files and folders that a bundle takes along, too.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string[] Include { get; set; } = [];

    /// <summary>Files and folders that a bundle leaves out.</summary>
    [Parameter]
    [ValidateNotNullOrEmpty]
    public string[] Exclude { get; set; } = [];

    /// <summary>Returns a job at once, which does it.</summary>
    [Parameter]
    public SwitchParameter AsJob { get; set; }

    private protected override bool InJob => AsJob;

    private protected abstract void ProcessOne(int id, string name);

    /// <summary>A parameter set of the cmdlet's own.</summary>
    private protected virtual void ProcessOther()
    {
    }

    private protected sealed override void ProcessInput()
    {
        switch (ParameterSetName)
        {
            case InputObjectSet:
                foreach (var process in InputObject)
                    Take(process);
                break;
            case IdSet:
                TakeOwn(Id.Select(TryGetById).OfType<Process>());
                break;
            case NameSet:
                TakeOwn(Name.SelectMany(FindByName));
                break;
            default:
                ProcessOther();
                break;
        }
    }

    /// <summary>Those that were looked up here are put away here.</summary>
    private void TakeOwn(IEnumerable<Process> processes)
    {
        foreach (var process in processes)
        {
            using (process)
                Take(process);
        }
    }

    private void Take(Process process)
    {
        (int Id, string Name) one;
        try
        {
            one = (process.Id, process.ProcessName);
        }
        catch (InvalidOperationException ended)
        {
            WriteErrorRecord(ended, "NoSuchProcess", ErrorCategory.ObjectNotFound, process);
            return;
        }

        ProcessOne(one.Id, one.Name);
    }

    /// <summary>Size, freeze and blockers of a save, and of its restore where that is to be elsewhere.</summary>
    private protected string Outlook(int pid, Place place)
    {
        var verb = AddBundle(new VerbArguments("check").Flag("--no-children", NoChildren).Tcp(TcpPolicy));
        if (place.HostName is not null && this is IRestoreParameters how)
            verb.RestoredAs(how, how.FilesPath);
        var check = Ask(verb.At(place).Argument(pid), $"Checking process {pid}");
        var verdict = Verdict(check);
        var files = check.Bundle is { } bundle ? $", {bundle.Files.Count} files with {ByteText.Of(bundle.Bytes)}" : "";
        return $"{ProcTree.Of(pid, !NoChildren)}{files}; {verdict}";
    }

    private protected VerbArguments AddSaveOptions(VerbArguments verb) => AddBundle(verb
        .Flag("--no-children", NoChildren)
        .Choice<ImageSaveMethod>("--method", Method == ImageSaveMethod.Auto ? null : Method)
        .Tcp(TcpPolicy));

    private VerbArguments AddBundle(VerbArguments verb) => verb.Bundle(Bundle, Include.Select(ToFilePath), Exclude.Select(ToFilePath));

    private Process? TryGetById(int pid)
    {
        try
        {
            return Process.GetProcessById(pid);
        }
        catch (ArgumentException missing)
        {
            WriteErrorRecord(missing, "NoSuchProcess", ErrorCategory.ObjectNotFound, pid);
            return null;
        }
    }

    private List<Process> FindByName(string name)
    {
        var pattern = new WildcardPattern(name, WildcardOptions.None);
        var all = Process.GetProcesses();
        var found = all.Where(process => pattern.IsMatch(process.ProcessName)).ToList();
        foreach (var other in all.Except(found))
            other.Dispose();
        if (found.Count == 0 && !WildcardPattern.ContainsWildcardCharacters(name))
            WriteErrorRecord(new ItemNotFoundException($"No process is called {name}."), "NoSuchProcess", ErrorCategory.ObjectNotFound, name);
        return found;
    }
}
