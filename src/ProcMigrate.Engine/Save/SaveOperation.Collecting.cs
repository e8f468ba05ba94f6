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
using ProcMigrate.Linux.Memory;
using ProcMigrate.Linux.ProcFs;

namespace ProcMigrate.Engine.Save;

/// <summary>From running processes to all that is known of them while they stand still.</summary>
internal sealed partial class SaveOperation
{
    private const int PassingBlockerTries = 25;
    private static readonly TimeSpan PassingBlockerPause = TimeSpan.FromMilliseconds(4);

    /// <summary>What a save would meet with, and with a handover the other side, too; the tree stands still for a moment and runs on.</summary>
    public ProcessCheck Check()
    {
        foreach (int pid in options.Pids)
            SaveTarget.Validate(pid);
        try
        {
            long frozen = 0;
            using FrozenTree tree = FreezeAndCollect(out List<CollectedProcess> processes, ref frozen);
            if (options.Handover is { } handover)
                OnTree(tree, () => DescribeToHost(handover, tree, processes));
            return new ProcessCheck(_context.Blockers, _context.Bundle?.Summary()) { Warnings = _context.Warnings };
        }
        finally
        {
            _context.Close();
        }
    }

    private void Know(FrozenTree tree) =>
        _context.TreePids.UnionWith(tree.Processes.Select(p => p.Pid).Concat(tree.Zombies.Select(z => z.Pid)));

    /// <summary>
    /// Some blockers pass by themselves: what one process of the tree has written to a terminal, another is about to read. Then
    /// the tree runs on for a moment, and is frozen again.
    /// </summary>
    private FrozenTree FreezeAndCollect(out List<CollectedProcess> processes, ref long frozen)
    {
        // Before the tree stands still: to read of every process takes a while.
        PidUses? uses = options.Handover is null ? PidUses.Read() : null;
        for (int attempt = 1; ; attempt++)
        {
            frozen = Stopwatch.GetTimestamp();
            FrozenTree tree = FrozenTree.Freeze(options.Pids, options.Children, cancel);
            try
            {
                processes = OnTree(tree, () => CollectWithBirths(tree, uses));
                tree.RequireWhole();
                if (!_context.BlockedOnlyForNow || attempt == PassingBlockerTries)
                    return tree;
            }
            catch
            {
                tree.Dispose();
                throw;
            }
            tree.Dispose();
            cancel.ThrowIfCancellationRequested();
            Thread.Sleep(PassingBlockerPause);
        }
    }

    private List<CollectedProcess> CollectWithBirths(FrozenTree tree, PidUses? uses)
    {
        List<CollectedProcess> processes = Collect(tree);
        BirthChecks.Report(tree, processes, uses, _context);
        if (OpenFileLimit.Exceeded([.. processes.Select(c => c.Record)], _context.Objects.Objects) is { } few)
            _context.Warnings.Add($"{few}: to restore it here, raise that limit");
        return processes;
    }

    /// <summary>In the order in which they were named, but that none stands before its parent.</summary>
    private static List<CollectedProcess> ParentsFirst(IEnumerable<CollectedProcess> collected)
    {
        List<CollectedProcess> rest = [.. collected], ordered = [];
        var pids = rest.Select(c => c.Record.Pid).ToHashSet();
        var placed = new HashSet<int>();
        do
        {
            foreach (CollectedProcess process in rest.Where(c => !pids.Contains(c.Record.ParentPid) || placed.Contains(c.Record.ParentPid)))
            {
                placed.Add(process.Record.Pid);
                ordered.Add(process);
            }
        }
        while (rest.RemoveAll(c => placed.Contains(c.Record.Pid)) > 0);
        return ordered;
    }

    private List<CollectedProcess> Collect(FrozenTree tree)
    {
        _context.Close();
        _context = new SaveContext(options.Tcp) { Processes = tree.Processes, Cancel = cancel };
        _context.Bundle = options.Bundle ? new BundleCollector(options, _context) : null;
        progress?.Invoke(new EngineProgress("collect", 0, tree.Processes.Count));
        Know(tree);
        List<CollectedProcess> collected = Timed(
            "collectMs", () => ParentsFirst(tree.Processes.Select(CollectOne).OfType<CollectedProcess>()));
        Dictionary<int, int> shared = new SharedTables(tree.Processes, _context).Find();
        for (int i = 0; i < collected.Count; i++)
        {
            if (shared.TryGetValue(collected[i].Process.Pid, out int flags))
                collected[i] = collected[i] with { Record = collected[i].Record with { SharedWithParent = flags } };
        }
        SysvQueueKind.CaptureUsed(_context);
        _context.RunEnd();
        _context.Bundle?.AddNamed(collected.Where(c => c.Record.CommandLine.Count > 0).Select(c => (c.Process.Pid, c.Record.CommandLine[0])));
        return collected;
    }

    private CollectedProcess? CollectOne(TracedProcess process)
    {
        cancel.ThrowIfCancellationRequested();
        return new ProcessCollector(process, _context).Collect();
    }
}
