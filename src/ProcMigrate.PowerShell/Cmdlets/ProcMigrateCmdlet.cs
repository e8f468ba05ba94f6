using System.Collections;
using System.Management.Automation;
using ProcMigrate.PowerShell.Jobs;
using ProcMigrate.PowerShell.Running;

namespace ProcMigrate.PowerShell.Cmdlets;

/// <summary>
/// What all cmdlets have in common: they run the binary, several times at once where that helps, and turn its answers into objects,
/// progress and errors.
/// </summary>
public abstract class ProcMigrateCmdlet : PSCmdlet, IDisposable
{
    private const int ProgressActivityId = 0x504D0000;

    private readonly Lock gate = new();
    private readonly CancellationTokenSource stop = new();
    private readonly Dictionary<int, ProgressMeter> meters = [];
    private readonly List<Hashtable> forJob = [];
    private RunPool? pool;
    private string? binary;

    /// <summary>How many runs may be under way at once when this one is.</summary>
    private protected virtual int LimitFor(VerbRun run) => 1;

    /// <summary>Whether the runs of one pipeline object may still be under way when the next one comes.</summary>
    private protected virtual bool Overlaps => false;

    /// <summary>Whether the work is to be done by a job, and the cmdlet is to return at once.</summary>
    private protected virtual bool InJob => false;

    /// <summary>Cancelled by Ctrl-C.</summary>
    private protected CancellationToken Cancelled => stop.Token;

    /// <summary>For each object of the pipeline.</summary>
    protected sealed override void ProcessRecord()
    {
        if (InJob && !IsWhatIf)
        {
            forJob.Add(ProcessImageJob.Remember(MyInvocation.BoundParameters));
            return;
        }

        ProcessInput();
        if (!Overlaps)
            Drain();
    }

    /// <summary>After the last object.</summary>
    protected sealed override void EndProcessing()
    {
        if (forJob.Count > 0 && ShouldProcess(MyInvocation.MyCommand.Name, $"run as a job, {forJob.Count} input object(s)"))
        {
            var module = MyInvocation.MyCommand.Module?.Path ?? typeof(ProcMigrateCmdlet).Assembly.Location;
            var job = new ProcessImageJob(MyInvocation.MyCommand.Name, module, SessionState.Path.CurrentFileSystemLocation.ProviderPath, forJob);
            JobRepository.Add(job);
            job.Start();
            WriteObject(job);
        }

        if (forJob.Count == 0)
            ProcessEnd();
        Drain();
    }

    /// <summary>Ctrl-C.</summary>
    protected override void StopProcessing()
    {
        stop.Cancel();
        lock (gate)
            pool?.Interrupt();
    }

    /// <summary>Ends what still runs, as when a later cmdlet of the pipeline wants no more; then everything is undone.</summary>
    public void Dispose()
    {
        Dispose(disposing: true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing)
    {
        if (!disposing)
            return;
        pool?.Dispose();
        stop.Dispose();
    }

    /// <summary>Does the cmdlet's work for one object of the pipeline.</summary>
    private protected abstract void ProcessInput();

    /// <summary>Does what can be done only when all objects of the pipeline are there.</summary>
    private protected virtual void ProcessEnd()
    {
    }

    /// <summary>Starts a run as soon as the limit allows; its outcome is written when it is there.</summary>
    internal void Run(VerbRun run)
    {
        while (Pool.Running >= LimitFor(run))
            Pump();
        WriteVerbose(run.Otherwise is null ? $"{Binary} {string.Join(' ', run.Verb.Build())}" : run.Activity);
        Pool.Start(run);
    }

    /// <summary>Runs a verb to its end and gives its answer, be it a result or an error.</summary>
    internal Answer Ask(VerbArguments verb, string activity)
    {
        Answer? answer = null;
        Run(new VerbRun(verb, activity, null, result => answer = result) { OnError = error => answer = error });
        while (answer is null)
            Pump();
        return answer;
    }

    /// <summary>Runs a verb to its end. Null where it failed: the errors are written then.</summary>
    internal Answer? AskOrFail(VerbArguments verb, string activity, object? target)
    {
        var answer = Ask(verb, activity);
        if (answer.Event == "result")
            return answer;
        WriteErrors(answer, target);
        return null;
    }

    internal void WriteErrors(Answer answer, object? target)
    {
        foreach (var error in ErrorDescription.From(answer))
            WriteError(ToErrorRecord(error, target));
    }

    private protected void WriteErrorRecord(Exception failure, string id, ErrorCategory category, object? target) =>
        WriteError(new ErrorRecord(failure, id, category, target));

    /// <summary>Waits for all runs.</summary>
    private protected void Drain()
    {
        while (pool is { Running: > 0 })
            Pump();
    }

    private protected bool IsWhatIf =>
        MyInvocation.BoundParameters.TryGetValue("WhatIf", out var given) ? ((SwitchParameter)given).IsPresent
        : GetVariableValue("WhatIfPreference") is true or SwitchParameter { IsPresent: true };

    /// <summary>
    /// What stands in the way, by an answer of check. That verb knows none of the parameters that may take a blocker away; so those
    /// that were given are named, lest who reads it gives up.
    /// </summary>
    private protected static string Verdict(Answer check)
    {
        if (check.Event != "result")
            return ParameterWords.Of(check.Message ?? "");
        var blockers = check.Blockers ?? [];
        if (blockers.Count == 0)
            return "nothing stands in the way";
        return $"{blockers.Count} blocker(s): {string.Join("; ", blockers.Select(blocker => $"{blocker.Id} {blocker.What}"))}";
    }

    private protected bool IsGiven(string parameter) => MyInvocation.BoundParameters.ContainsKey(parameter);

    private protected HostLogin ReadLogin(string? userName, int? port, string? keyFilePath, Hashtable? options, int? timeout)
    {
        var words = new List<string>();
        if (timeout is { } milliseconds)
            words.Add(HostLogin.ConnectTimeout(milliseconds));
        try
        {
            words.AddRange(options is null ? [] : HostLogin.ReadOptions(options));
        }
        catch (ArgumentException wrong)
        {
            ThrowTerminatingError(new ErrorRecord(wrong, "BadSshOption", ErrorCategory.InvalidArgument, options));
        }

        return new(userName, port, keyFilePath is null ? null : ToFilePath(keyFilePath), words);
    }

    /// <summary>A path of PowerShell, which may start with a drive, as the binary understands it.</summary>
    private protected string ToFilePath(string path) => GetUnresolvedProviderPathFromPSPath(path);

    private RunPool Pool
    {
        get
        {
            lock (gate)
            {
                pool ??= new RunPool(CreateRun);
                if (stop.IsCancellationRequested)
                    pool.Interrupt();
                return pool;
            }
        }
    }

    private IRun CreateRun(VerbRun run) =>
        run.Otherwise?.Invoke() ?? new BinaryRun(Binary, run.Verb.Build(), SessionState.Path.CurrentFileSystemLocation.ProviderPath);

    /// <summary>The procmigrate executable.</summary>
    private protected string Binary => binary ??= FindBinary();

    private void Pump()
    {
        var next = Pool.Take();
        if (next.Failure is not null)
            throw new InvalidOperationException(next.Failure.Message, next.Failure);
        if (next.Line is { } line)
            WriteDebug(line);
        else if (next.Progress is { } progress)
            Show(progress, next);
        else if (next.Answer is { } answer)
            Finish(next.Run, next.Number, answer);
    }

    private void Finish(VerbRun run, int number, Answer answer)
    {
        if (meters.Remove(number))
            WriteProgress(new ProgressRecord(ProgressActivityId + number, run.Activity, run.Activity) { RecordType = ProgressRecordType.Completed });
        foreach (var warning in answer.Warnings ?? [])
            WriteWarning(ParameterWords.Of(warning));
        if (answer.Timings is { Count: > 0 } timings)
            WriteVerbose($"{run.Activity}: {string.Join(", ", timings.Select(phase => FormattableString.Invariant($"{phase.Key} {phase.Value:0.#}")))}");
        if (answer.Event == "result")
            run.OnResult(answer);
        else if (run.OnError is not null)
            run.OnError(answer);
        else
            WriteErrors(answer, run.Target);
    }

    private string FindBinary()
    {
        try
        {
            var moduleFolder = Path.GetDirectoryName(typeof(ProcMigrateCmdlet).Assembly.Location) ?? ".";
            return BinaryLocator.Find(moduleFolder, Environment.GetEnvironmentVariable);
        }
        catch (FileNotFoundException missing)
        {
            ThrowTerminatingError(new ErrorRecord(missing, "BinaryMissing", ErrorCategory.NotInstalled, missing.FileName));
            throw;
        }
        catch (UnauthorizedAccessException refused)
        {
            ThrowTerminatingError(new ErrorRecord(refused, "BinaryNotExecutable", ErrorCategory.NotInstalled, null));
            throw;
        }
    }

    private void Show(Answer progress, RunEvent next)
    {
        if (!meters.TryGetValue(next.Number, out var meter))
            meters.Add(next.Number, meter = new ProgressMeter(TimeProvider.System));
        if (meter.Read(progress.Phase ?? "", progress.Done, progress.Total) is not { } reading)
            return;
        WriteProgress(new ProgressRecord(ProgressActivityId + next.Number, next.Run.Activity, reading.Status)
        {
            PercentComplete = reading.Percent,
            SecondsRemaining = reading.SecondsLeft,
        });
    }

    private static ErrorRecord ToErrorRecord(ErrorDescription error, object? target) => new(
        new ProcessImageException(error.Message, error.ExitCode, error.Blockers), error.Id, Category(error.Kind), target)
    {
        ErrorDetails = new ErrorDetails(error.Message) { RecommendedAction = error.RecommendedAction ?? "" },
    };

    private static ErrorCategory Category(ErrorKind kind) =>
        Enum.TryParse<ErrorCategory>(kind.ToString(), out var category) ? category : ErrorCategory.NotSpecified;
}
