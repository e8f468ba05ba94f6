using System.Collections;
using System.Management.Automation;
using System.Management.Automation.Runspaces;
using Shell = System.Management.Automation.PowerShell;

namespace ProcMigrate.PowerShell.Jobs;

/// <summary>
/// What -AsJob makes: the cmdlet, run in a runspace of its own within this PowerShell, as Start-ThreadJob would. Get-Job, Wait-Job,
/// Receive-Job and Stop-Job work as with any job; to stop it undoes what is under way.
/// </summary>
internal sealed class ProcessImageJob : Job
{
    private readonly IReadOnlyList<Hashtable> calls;
    private readonly string cmdlet;
    private readonly Runspace runspace;
    private readonly Shell shell;
    private volatile bool stopped;

    /// <param name="calls">Parameters of each call: one for each object of the pipeline.</param>
    public ProcessImageJob(string cmdlet, string modulePath, string folder, IReadOnlyList<Hashtable> calls)
        : base(cmdlet)
    {
        (this.cmdlet, this.calls) = (cmdlet, calls);
        PSJobTypeName = nameof(ProcessImageJob);
        var state = InitialSessionState.CreateDefault2();
        state.ImportPSModule([modulePath]);
        runspace = RunspaceFactory.CreateRunspace(state);
        shell = Shell.Create();
        shell.Runspace = runspace;
        shell.Streams.Error = Error;
        shell.Streams.Warning = Warning;
        shell.Streams.Verbose = Verbose;
        shell.Streams.Debug = Debug;
        shell.Streams.Progress = Progress;
        shell.AddCommand("Set-Location").AddParameter("LiteralPath", folder).AddStatement();
    }

    public override bool HasMoreData =>
        Output.Count + Error.Count + Warning.Count + Verbose.Count + Debug.Count + Progress.Count > 0;

    public override string Location => "localhost";

    public override string StatusMessage => JobStateInfo.Reason?.Message ?? "";

    /// <summary>The parameters of a call as they stand, to be used when the pipeline has moved on. A job cannot ask.</summary>
    public static Hashtable Remember(IDictionary<string, object> parameters)
    {
        var call = new Hashtable(StringComparer.OrdinalIgnoreCase);
        foreach (var (name, value) in parameters)
        {
            if (!name.Equals("AsJob", StringComparison.OrdinalIgnoreCase))
                call[name] = value;
        }

        call["Confirm"] = false;
        return call;
    }

    public void Start()
    {
        foreach (var call in calls)
        {
            shell.AddCommand(cmdlet);
            foreach (DictionaryEntry parameter in call)
                shell.AddParameter((string)parameter.Key, parameter.Value);
            shell.AddStatement();
        }

        SetJobState(JobState.Running);
        new Thread(Execute) { IsBackground = true, Name = Name }.Start();
    }

    public override void StopJob()
    {
        if (JobStateInfo.State is JobState.Completed or JobState.Failed or JobState.Stopped)
            return;
        stopped = true;
        SetJobState(JobState.Stopping);
        shell.Stop();
        Finished.WaitOne();
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            StopJob();
            shell.Dispose();
            runspace.Dispose();
        }

        base.Dispose(disposing);
    }

    private void Execute()
    {
        try
        {
            runspace.Open();
            var running = shell.BeginInvoke<PSObject, PSObject>(null, Output);
            shell.EndInvoke(running);
            SetJobState(stopped ? JobState.Stopped : JobState.Completed);
        }
        catch (PipelineStoppedException)
        {
            SetJobState(JobState.Stopped);
        }
#pragma warning disable CA1031 // A terminating error of whatever sort is what the job failed of; Receive-Job shows it.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            Error.Add((failure as IContainsErrorRecord)?.ErrorRecord ?? new ErrorRecord(failure, "JobFailed", ErrorCategory.NotSpecified, cmdlet));
            SetJobState(JobState.Failed);
        }
    }
}
