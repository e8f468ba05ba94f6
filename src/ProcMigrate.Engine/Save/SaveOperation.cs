using System.Diagnostics;
using System.Globalization;
using ProcMigrate.Engine.Bundle;
using ProcMigrate.Engine.Checks;
using ProcMigrate.Engine.Freeze;
using ProcMigrate.Engine.Host;
using ProcMigrate.Engine.Inject;
using ProcMigrate.Engine.Kinds;
using ProcMigrate.Engine.Kinds.Sockets;
using ProcMigrate.Engine.Memory;
using ProcMigrate.Engine.Namespaces;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Engine.Restore.Births;
using ProcMigrate.Image;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Memory;
using ProcMigrate.Linux.ProcFs;

namespace ProcMigrate.Engine.Save;

/// <summary>One save, from the pid to the durable image.</summary>
internal sealed partial class SaveOperation(SaveOptions options, Action<EngineProgress>? progress, CancellationToken cancel)
{
    private readonly Timings _timings = [];
    private SaveContext _context = new();

    // Taken while the tree is there: what a process is called outside nobody can tell once it has ended.
    private List<ProcessSummary> _summaries = [];

    public SaveResult Run()
    {
        try
        {
            return Save();
        }
        finally
        {
            _context.Close();
        }
    }

    /// <summary>Does a part of the work on a frozen tree before the image counts, and says why where it fails.</summary>
    private T OnTree<T>(FrozenTree tree, Func<T> work)
    {
        try
        {
            return work();
        }
        catch (Exception e)
        {
            if (tree.Lost(e) is { } lost)
                throw lost;
            // A call that the cancellation cut short fails in its own ways.
            cancel.ThrowIfCancellationRequested();
            throw;
        }
    }

    private SaveResult Save()
    {
        long start = Stopwatch.GetTimestamp();
        foreach (int pid in options.Pids)
            SaveTarget.Validate(pid);
        string path = options.OutputPath ?? DefaultName(options.Pids[0]);
        Guid? replaced = options.Force && options.Handover is null ? IdOf(path) : null;
        using ImageWriter image = options.Handover is { } handover ? ImageWriter.To(handover.Image) : ImageWriter.Create(path, options.Force, options.Compress);
        ImageSummary summary;
        TreeRecord record;
        long frozen = Stopwatch.GetTimestamp();
        using (FrozenTree tree = FreezeAndCollect(out List<CollectedProcess> processes, ref frozen))
        {
            record = OnTree(tree, () => Write(image, tree, processes, frozen));
            summary = Timed("writeMs", image.Commit);
            Conclude(image.Path, replaced, tree, record.Id);
        }
        _timings.TryAdd("freezeMs", Since(frozen));
        if (options.After == AfterSave.End)
            Timed("reapMs", () => WaitUntilPidsAreFree(record));
        _timings["totalMs"] = Since(start);
        return new SaveResult(
            _summaries[0].Pid, _summaries, summary.Path, record.Id, summary.Bytes, summary.MemoryBytes, _timings, _context.Warnings)
        {
            InnerPid = _summaries[0].InnerPid,
            Bundle = _context.Bundle?.Summary(),
        };
    }

    /// <summary>Everything up to the name of the image.</summary>
    private TreeRecord Write(ImageWriter image, FrozenTree tree, List<CollectedProcess> processes, long frozen)
    {
        if (options.Handover is null)
            _context.Bundle?.CheckSpace(image.Path);
        TreeRecord record = options.Handover is null ? Describe(tree, processes) : DescribeToHost(options.Handover, tree, processes);
        _summaries = [.. record.Processes.Select(InsideNamespaces.Summarize)];
        if (options.After != AfterSave.End)
            _context.ReleaseConnections();
        record = WriteMemory(image, record, processes);
        image.WriteTree(record);
        BundleWriter? bundle = _context.Bundle is { } files ? new BundleWriter(image, files, progress, cancel) : null;
        bundle?.Write(written: true);
        tree.RequireWhole();
        if (options.After == AfterSave.End)
            tree.PrepareEnd();
        if (options.After == AfterSave.LeaveRunning)
        {
            // All that belongs to the program is copied; it need not wait for the disk.
            tree.Dispose();
            _timings["freezeMs"] = Since(frozen);
        }
        bundle?.Write(written: false);
        cancel.ThrowIfCancellationRequested();
        image.Flush(cancel);
        cancel.ThrowIfCancellationRequested();
        return record;
    }

    /// <summary>What becomes of the tree, now that its image is complete: an error takes nothing back any more, and says so.</summary>
    private void Conclude(string path, Guid? replaced, FrozenTree tree, Guid id)
    {
        try
        {
            if (replaced is { } old)
                TcpHold.Forget(old);
            if (options.Handover is not null)
                HandOver(options.Handover, tree, id);
            if (options.After == AfterSave.End)
                End(tree, id);
            else if (options.After == AfterSave.LeaveStopped)
                tree.LeaveStopped();
            options.Handover?.Ended();
        }
        catch (LinuxException e) when (options.Handover is null)
        {
            string program = options.After == AfterSave.LeaveRunning ? "runs on, as it was to" : tree.IsKilled ? "has ended" : "was not ended and runs on";
            throw new EngineException("AfterSave", FailureClass.Failed, $"The image {path} is complete, and the program {program}; but then a step failed: {e.Message}.", e);
        }
    }

    /// <summary>The other side judges a description before any memory moves, so that blockers of both sides are told at once.</summary>
    private TreeRecord DescribeToHost(Handover handover, FrozenTree tree, List<CollectedProcess> processes)
    {
        long start = Stopwatch.GetTimestamp();
        TreeRecord record = RecordOf(tree, processes);
        var description = new ImageInMemory();
        if (_context.Blockers.Count == 0)
        {
            using ImageWriter image = ImageWriter.To(description);
            List<ProcessRecord> described = [];
            foreach (CollectedProcess process in processes)
            {
                long bytes = IsStoredWithParent(process.Record) ? 0 : StoredPages.Of(process.Record, process.Maps).Sum(r => (long)r.Length);
                described.Add(WriteProcess(image, process, [], _ => { }) with { MemoryBytes = bytes });
            }
            image.WriteTree(record with { Processes = described });
            image.Commit();
        }
        handover.Describe(description.Bytes, _context.Blockers);
        _timings["preflightMs"] = Since(start);
        return record;
    }

    private static void HandOver(Handover handover, FrozenTree tree, Guid id)
    {
        try
        {
            handover.TakeOver(id, [.. tree.Processes.Select(p => p.Pid)], tree.Hold);
        }
        catch
        {
            if (!handover.Unsettled)
                tree.EndHold();
            throw;
        }
    }

    private void End(FrozenTree tree, Guid image)
    {
        TcpHold? hold = _context.ConnectionHold;
        hold?.BeginLasting(image);
        foreach (int tid in tree.Kill(hold is null ? null : hold.MakeLasting))
            _context.Warnings.Add($"thread {tid} is killed, and has not ended yet: it hangs in the kernel, see /proc/{tid}/stack");
        // Whoever took the tree over has its connections by now.
        hold?.RemoveRemainders(options.Handover is null ? _context.Warnings : []);
        if (hold is not null && options.Handover is not null)
            TcpHold.Forget(image);
    }

    /// <summary>The image that is about to be overwritten, if it is one.</summary>
    private static Guid? IdOf(string path)
    {
        try
        {
            using ImageReader? old = PathCalls.Exists(path) ? ImageReader.Open(path) : null;
            return old?.Tree.Id;
        }
        catch (ImageException)
        {
            return null;
        }
    }

    private TreeRecord Describe(FrozenTree tree, List<CollectedProcess> collected)
    {
        if (_context.Blockers.Count > 0)
        {
            throw new EngineException(
                _context.Blockers,
                $"Process {options.Pids[0]} cannot be saved as it is: {_context.Blockers.Count} reason(s). It runs on unchanged.");
        }
        return RecordOf(tree, collected);
    }

    private TreeRecord RecordOf(FrozenTree tree, List<CollectedProcess> collected)
    {
        return new TreeRecord
        {
            Id = Guid.NewGuid(),
            SavedAt = DateTimeOffset.UtcNow.ToString("O", CultureInfo.InvariantCulture),
            Tool = ToolVersion.Text,
            Method = "stop",
            Terminal = options.Terminal,
            Origin = HostFacts.Read(),
            Processes = [.. collected.Select(c => c.Record)],
            FurtherRoots = [.. Roots(collected).Skip(1)],
            Zombies = tree.Zombies,
            Objects = _context.Objects.Objects,
        };
    }

    private static IEnumerable<int> Roots(List<CollectedProcess> collected)
    {
        var pids = collected.Select(c => c.Record.Pid).ToHashSet();
        return collected.Where(c => !pids.Contains(c.Record.ParentPid)).Select(c => c.Record.Pid);
    }

    private TreeRecord WriteMemory(ImageWriter image, TreeRecord record, List<CollectedProcess> processes)
    {
        long start = Stopwatch.GetTimestamp();
        List<List<PageRange>> pages = [.. processes.Select(p => IsStoredWithParent(p.Record) ? [] : StoredPages.Of(p.Record, p.Maps))];
        long total = pages.SelectMany(p => p).Sum(r => (long)r.Length);
        long done = 0;
        void Copied(long bytes) => progress?.Invoke(new EngineProgress("memory", Interlocked.Add(ref done, bytes), total));
        var records = new List<ProcessRecord>();
        for (int i = 0; i < processes.Count; i++)
            records.Add(WriteProcess(image, processes[i], pages[i], Copied));
        foreach ((int id, string reach, _) in _context.ObjectContents)
            ObjectContent.Copy(image, id, reach, cancel);
        MappedOnlyMemory.Write(image, _context, cancel);
        foreach ((int id, byte[] bytes) in _context.ObjectBytes)
            image.WriteObjectData(id, 0, bytes);
        _timings["memoryMs"] = Since(start);
        return record with { Processes = records };
    }

    /// <summary>Processes that share an address space have it in the image once, with the first of them.</summary>
    private static bool IsStoredWithParent(ProcessRecord process) => (process.SharedWithParent & (int)CloneArguments.CLONE_VM) != 0;

    private ProcessRecord WriteProcess(ImageWriter image, CollectedProcess collected, List<PageRange> pages, Action<long> copied)
    {
        using ProcessSection section = image.BeginProcess(collected.Record.Pid);
        long stored = new MemoryCopier(collected.Process, section, copied, cancel).Copy(pages);
        foreach (MappingRecord vdso in collected.Record.Mappings.Where(m => m.Backing == MappingBacking.Vdso && !IsStoredWithParent(collected.Record)))
        {
            byte[] content = collected.Process.Memory.Read(new RemoteAddress(vdso.Start), (int)(vdso.End - vdso.Start));
            section.WriteMemory(vdso.Start, LandingPad.Clean(content));
        }
        section.Complete(CoreDescription.Of(collected), CoreDescription.Mappings(collected.Record));
        return collected.Record with { MemoryBytes = stored };
    }

    /// <summary>A killed process holds its pid until its parent has taken notice; an init may take seconds to.</summary>
    private bool WaitUntilPidsAreFree(TreeRecord record)
    {
        TimeSpan patience = TimeSpan.FromSeconds(10);
        long start = Stopwatch.GetTimestamp();
        List<int> pids = [.. TreePids.Of(record)];
        while (pids.RemoveAll(p => ProcStat.TryOf(p) is null) >= 0 && pids.Count > 0)
        {
            if (Stopwatch.GetElapsedTime(start) > patience || cancel.IsCancellationRequested)
            {
                ProcStat? parent = ProcStat.TryOf(ProcStat.TryOf(pids[0])?.ParentPid ?? 0);
                _context.Warnings.Add(
                    $"process {pids[0]} has ended, but its parent {parent?.Pid} ({parent?.Name}) has not taken notice: the pid is not free yet");
                return false;
            }
            Thread.Sleep(1);
        }
        return true;
    }

    private static string DefaultName(int pid)
    {
        string name = SafeName(ProcStat.TryOf(pid)?.Name ?? "process");
        string time = DateTime.Now.ToString("yyyyMMdd'T'HHmmss", CultureInfo.InvariantCulture);
        return PathCalls.Full($"{name}-{pid}-{time}.pmi");
    }

    /// <summary>A program chooses its name itself: what a terminal obeys, what a tool takes for an option and what hides the file is left out.</summary>
    private static string SafeName(string name)
    {
        char[] letters = name.ToCharArray();
        for (int i = 0; i < letters.Length; i++)
        {
            if (letters[i] == '/' || char.GetUnicodeCategory(letters[i]) is UnicodeCategory.Control or UnicodeCategory.Format || (i == 0 && letters[i] is '-' or '.'))
                letters[i] = '_';
        }
        return new string(letters);
    }

    private T Timed<T>(string phase, Func<T> work)
    {
        long start = Stopwatch.GetTimestamp();
        T result = work();
        _timings[phase] = Since(start);
        return result;
    }

    private static double Since(long start) => Math.Round(Stopwatch.GetElapsedTime(start).TotalMilliseconds, 3);
}
