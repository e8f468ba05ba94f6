using System.Diagnostics;
using ProcMigrate.Engine.Bundle;
using ProcMigrate.Engine.Checks;
using ProcMigrate.Engine.Host;
using ProcMigrate.Engine.Inject;
using ProcMigrate.Engine.Kinds;
using ProcMigrate.Engine.Namespaces;
using ProcMigrate.Engine.Restore.Births;
using ProcMigrate.Engine.Restore.Release;
using ProcMigrate.Image;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Processes;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Restore;

/// <summary>One restore, from the file to the running tree: all or nothing.</summary>
internal sealed class RestoreOperation(RestoreOptions options, Action<EngineProgress>? progress, CancellationToken cancel)
{
    private const int SIGSTOP = 19;
    private const int SeedDistance = 0x100_0000;
    private const int PR_SET_CHILD_SUBREAPER = 36;
    private readonly Timings _timings = [];

    private TerminalLoan? _loan;
    private bool _runs;

    // Taken before the tree runs: some of it may end at once.
    private List<ProcessSummary> _summaries = [];

    public RestoreResult Run()
    {
        try
        {
            // All that was made for the tree is disposed before the wait: a copy of ours would keep its pipes and terminals open.
            RestoreResult restored = RestoreTree();
            if (!options.Wait)
                return restored;
            return restored with { ExitCode = new ChildWaiter(restored.InnerPid ?? restored.Pid, _loan).WaitForEnd(options.Running, cancel) };
        }
        catch (LinuxException e) when (_summaries.Count > 0 && _runs)
        {
            throw new EngineException(
                "AfterRestore", FailureClass.Failed, $"The program is restored and runs, as process {_summaries[0].Pid}; but then a step failed: {e.Message}.", e);
        }
        finally
        {
            _loan?.Dispose();
        }
    }

    private RestoreResult RestoreTree()
    {
        long start = Stopwatch.GetTimestamp();
        using ImageReader image = ImageReader.Open(options.ImagePath);
        using RestoreContext context = RestoreContext.Interpret("the tree", () => new RestoreContext(options, image) { Cancel = cancel });
        // Before the checks, which it may stand in the way of.
        if (RestoreRemains.Clean() is { Count: > 0 } cleaned)
            context.Warnings.Add($"what restores that were killed had left was removed: {string.Join(", ", cleaned)}");
        RefuseBlocked(context);
        RestoreJournal.Look(context);
        _timings["checkMs"] = Since(start);
        // Before the first process is made, not beside it: an image that is damaged leaves no trace at all.
        if (!options.Verified)
            image.VerifyMemory((done, total) => progress?.Invoke(new EngineProgress("verify", done, total)), cancel);
        _timings["verifyMs"] = Since(start) - _timings["checkMs"];
        UnpackedFiles? files = Unpack(context);
        BuildOrEnd(context);
        RestoreJournal.Note(context, _summaries[0].Pid);
        _timings["totalMs"] = Since(start);
        return new RestoreResult(
            _summaries[0].Pid, _summaries,
            image.Path, context.Tree.Id, context.Image.Tree.Processes.Sum(p => p.MemoryBytes), _timings, context.Warnings,
            ExitCode: null)
        {
            InnerPid = _summaries[0].InnerPid,
            Files = files?.Describe(),
        };
    }

    private UnpackedFiles? Unpack(RestoreContext context)
    {
        if (context.Bundle.Count == 0)
            return null;
        long start = Stopwatch.GetTimestamp();
        UnpackedFiles files = UnpackedFiles.Make(context, progress, cancel);
        context.Rename(files.Rename, files.Rename);
        _timings["filesMs"] = Since(start);
        return files;
    }

    public IReadOnlyList<Blocker> Check()
    {
        using ImageReader image = ImageReader.Open(options.ImagePath);
        using RestoreContext context = RestoreContext.Interpret("the tree", () => new RestoreContext(options, image));
        RestoreChecks.Report(context);
        if (options.Spool is { } spool)
            SpaceChecks.ReportSpool(spool, context);
        return context.Blockers;
    }

    public bool TakesMemory()
    {
        using ImageReader image = ImageReader.Open(options.ImagePath);
        using RestoreContext context = RestoreContext.Interpret("the tree", () => new RestoreContext(options, image));
        return ArrivingMemory.Suits(context);
    }

    private static void RefuseBlocked(RestoreContext context)
    {
        if (context.Bundle.Count == 0 && (context.Options is { FilesFolder: not null } or { ReuseHostFiles: true } or { SameNames: true }))
        {
            throw new EngineException(
                "NoBundle", FailureClass.Refused,
                $"{context.Options.ImagePath} carries no files: it was saved without --bundle. Leave out --files, --same-names and --reuse-host-files.");
        }
        RestoreChecks.Report(context);
        if (context.Blockers.Count > 0)
        {
            throw new EngineException(
                context.Blockers, $"The image {context.Options.ImagePath} cannot be restored here: {context.Blockers.Count} reason(s). Nothing was started.");
        }
    }

    /// <summary>If it fails, every process that was made is ended before anybody is told.</summary>
    private void BuildOrEnd(RestoreContext context)
    {
        var made = new UnfinishedTree(context.Tree);
        try
        {
            Build(context);
        }
        catch (Exception e) when (!_runs)
        {
            EngineException? lost = made.Lost(e);
            made.End();
            if (lost is not null)
                throw lost;
            // A call that the cancellation cut short fails in its own ways.
            cancel.ThrowIfCancellationRequested();
            throw;
        }
    }

    private void Build(RestoreContext context)
    {
        long start = Stopwatch.GetTimestamp();
        if (options.Wait)
            RawSyscall.Call(SyscallNumber.prctl, "this process", PR_SET_CHILD_SUBREAPER, 1);
        RestoreLimits.Raise();
        OpenFileLimit.Raise(context.Tree);
        context.RunBeforeTree();
        RemoteAddress area = ScratchPlace.Find(
            context.Tree.Processes.SelectMany(p => p.Mappings).Select(m => new AddressRange(m.Start, m.End)), 2 * SeedDistance);
        using DescriptorChannel channel = DescriptorChannel.Create();
        using Seed seed = Seed.Spawn(area + SeedDistance, area, channel, TreePids.Of(context.Tree));
        // With memory on its way, time that this takes is not to pass for the tree: its clocks are set when that is there.
        if (options.Arriving is null)
            TreeClocks.Of(context).Enter(seed.Thread);
        long done = 0, total = context.Tree.Processes.Sum(p => p.MemoryBytes);
        void Loaded(long bytes)
        {
            cancel.ThrowIfCancellationRequested();
            progress?.Invoke(new EngineProgress("memory", done += bytes, total));
        }
        var made = new ProcessBuilders(context, channel, area, Loaded);
        IReadOnlyDictionary<int, OwnedThread> threads = new ProcessCreator(context, seed, made).CreateAll();
        _timings["createMs"] = Since(start);
        MakeZombies(context, threads, made.AreaOfSeed.Data);
        List<ProcessBuilder> builders = [.. context.Tree.Processes.Select(p => made.Find(p.Pid)!)];
        SysvQueueKind.MakeAll(context);
        foreach (ProcessBuilder builder in builders)
        {
            cancel.ThrowIfCancellationRequested();
            builder.BuildMemory(Loaded);
        }
        if (options.Arriving is not null)
        {
            // Waiting for it, most of all.
            _timings["arriveMs"] = Since(start) - _timings["createMs"];
            TreeClocks.Of(context).EnterLate(seed.Thread, builders[0]);
        }
        ForEach(builders, b => b.BuildFiles());
        _timings["memoryMs"] = Since(start);
        context.SharedMemories.Seal();
        context.Terminals.Complete();
        CredentialsRecord own = seed.Credentials;
        ForEach(builders, b => b.BuildThreads(own));
        builders.ForEach(b => b.StopAgain());
        builders.ForEach(b => b.ForgetChildStops());
        builders.ForEach(b => b.QueueSignals());
        ForEach(builders, b => b.Finish());
        context.RunEnd();
        cancel.ThrowIfCancellationRequested();
        foreach (ProcessRecord record in context.Tree.Processes.Where(p => options.LeaveStopped && !p.Stopped))
        {
            using PidFd process = PidFd.Open(record.Pid);
            process.Signal(SIGSTOP);
        }
        if (options.Wait)
            _loan = TerminalLoan.Give(context.Terminals.Outside, context.Tree.Processes[0].Pid);
        _summaries = [.. context.Tree.Processes.Select(InsideNamespaces.Summarize)];
        options.Gate?.Await();
        context.LetGoOfFiles();
        cancel.ThrowIfCancellationRequested();
        var lettingGo = new LettingGo(context, builders);
        using (lettingGo.Decide(options.Gate))
        {
            _runs = true;
            context.Keep();
            lettingGo.Release();
        }
        _loan?.AskToRedraw();
        _timings["buildMs"] = Since(start);
    }

    private void ForEach(List<ProcessBuilder> builders, Action<ProcessBuilder> step)
    {
        foreach (ProcessBuilder builder in builders)
        {
            cancel.ThrowIfCancellationRequested();
            step(builder);
        }
    }

    private static void MakeZombies(RestoreContext context, IReadOnlyDictionary<int, OwnedThread> threads, RemoteAddress data)
    {
        foreach (ZombieRecord zombie in context.Tree.Zombies)
        {
            OwnedProcess.BecomeZombie(threads[zombie.Pid], zombie, data);
            OwnedProcess.DiscardChildSignal(threads[zombie.ParentPid], data);
        }
    }

    private static double Since(long start) => Math.Round(Stopwatch.GetElapsedTime(start).TotalMilliseconds, 3);
}
