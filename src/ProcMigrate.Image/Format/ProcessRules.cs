using ProcMigrate.Image.Core;
using ProcMigrate.Image.Records;

namespace ProcMigrate.Image.Format;

/// <summary>What must be true of one process; see <see cref="TreeRules"/>.</summary>
internal sealed class ProcessRules(ProcessRecord process, HashSet<int> objects, HashSet<int> tids, ImageFaults faults)
{
    private const int MaxSignal = 64;
    private const int MaxResource = 31;
    private const int MaxNameLength = 64;
    private const int MaxAuxiliaryVector = 64 << 10;
    private const int LegacyStateLength = 512;
    private const int MinXsaveLength = 576;
    private const int MaxXsaveLength = 64 << 10;
    private const int Shareable = 0x40f00; // CLONE_VM, _FS, _FILES, _SIGHAND, _SYSVSEM

    public void Check()
    {
        TreeRules.Count(process.Threads.Count, ImageLimits.Threads, $"threads of process {process.Pid}", faults);
        TreeRules.Count(process.Mappings.Count, ImageLimits.Mappings, $"mappings of process {process.Pid}", faults);
        TreeRules.Count(process.Descriptors.Count, ImageLimits.Descriptors, $"descriptors of process {process.Pid}", faults);
        TreeRules.NoNull(process.CommandLine, "arguments", faults);
        Require(process.Name.Length <= MaxNameLength, "its name is too long");
        Require(process.MemoryBytes is >= 0 and <= (long)ImageLimits.AddressEnd, $"it has {process.MemoryBytes} bytes of memory");
        Require((process.SharedWithParent & ~Shareable) == 0, $"it shares 0x{process.SharedWithParent:x} with its parent");
        RequireObject(process.ExecutableObject, "executable");
        RequireObject(process.WorkingFolderObject, "working folder");
        RequireObject(process.RootFolderObject, "root folder");
        var auxv = process.Layout.AuxiliaryVector.Length;
        Require(auxv % 16 == 0 && auxv <= MaxAuxiliaryVector, $"its auxiliary vector has {auxv} bytes");
        CheckMappings();
        CheckThreads();
        CheckDescriptors();
        CheckSignals();
        CheckLimits();
    }

    private void CheckMappings()
    {
        ulong previous = 0;
        foreach (var mapping in process.Mappings)
        {
            Require(mapping is not null, "a mapping is null");
            var (start, end) = (mapping!.Start, mapping.End);
            Require((start | end) % ImageLimits.PageSize == 0 && start >= previous && end > start && end <= ImageLimits.AddressEnd,
                $"mapping {start:x}-{end:x} is not of whole pages, not in order, or overlaps");
            Require(mapping.Protection is >= 0 and <= 7, $"mapping {start:x} has protection {mapping.Protection}");
            Require(Enum.IsDefined(mapping.Backing), $"mapping {start:x} has an unknown backing");
            Require(mapping.HugePageBytes == 0 || (mapping.HugePageBytes > ImageLimits.PageSize && int.IsPow2(mapping.HugePageBytes)),
                $"mapping {start:x} has pages of {mapping.HugePageBytes} bytes");
            Require(mapping.ObjectOffset <= long.MaxValue - (end - start), $"mapping {start:x} ends beyond any object");
            if (mapping.Backing == MappingBacking.Object || mapping.ObjectId != 0)
                RequireObject(mapping.ObjectId, $"object of mapping {start:x}");
            TreeRules.NoNull(mapping.VmFlags, "flags of a mapping", faults);
            CheckGuards(mapping);
            previous = end;
        }
    }

    private void CheckGuards(MappingRecord mapping)
    {
        TreeRules.NoNull(mapping.Guards, "guards of a mapping", faults);
        var previous = mapping.Start;
        foreach (var guard in mapping.Guards)
        {
            Require((guard.Start | guard.End) % ImageLimits.PageSize == 0 && guard.Start >= previous
                && guard.End > guard.Start && guard.End <= mapping.End,
                $"guard {guard.Start:x}-{guard.End:x} does not lie in its mapping");
            previous = guard.End;
        }
    }

    private void CheckThreads()
    {
        var leader = false;
        foreach (var thread in process.Threads)
        {
            Require(thread is not null, "a thread is null");
            Require(thread!.Tid > 0 && tids.Add(thread.Tid), $"thread {thread.Tid} is there twice, or impossible");
            Require(thread.Name.Length <= MaxNameLength, $"the name of thread {thread.Tid} is too long");
            Require(thread.Registers.Length == CoreNotes.RegistersLength,
                $"the registers of thread {thread.Tid} have {thread.Registers.Length} bytes");
            var xsave = thread.ExtendedState.Length;
            Require(xsave == LegacyStateLength || xsave is >= MinXsaveLength and <= MaxXsaveLength,
                $"the extended state of thread {thread.Tid} has {xsave} bytes");
            Require(thread.Scheduling.Affinity.Length <= 1024, $"the affinity of thread {thread.Tid} is too long");
            CheckSignalInfos(thread.PendingSignals);
            if (thread.WorkingFolderObject is { } folder)
                RequireObject(folder, $"working folder of thread {thread.Tid}");
            leader |= thread.Tid == process.Pid;
        }
        Require(leader, "it has no leading thread");
    }

    private void CheckDescriptors()
    {
        var numbers = new HashSet<int>(process.Descriptors.Count);
        foreach (var descriptor in process.Descriptors)
        {
            Require(descriptor is not null, "a descriptor is null");
            Require(descriptor!.Fd >= 0 && numbers.Add(descriptor.Fd), $"descriptor {descriptor.Fd} is there twice, or impossible");
            RequireObject(descriptor.ObjectId, $"object of descriptor {descriptor.Fd}");
        }
    }

    private void CheckSignals()
    {
        var signals = new HashSet<int>();
        foreach (var action in process.SignalActions)
        {
            Require(action is not null, "a signal action is null");
            Require(action!.Signal is >= 1 and <= MaxSignal && signals.Add(action.Signal), $"signal {action.Signal} is impossible");
        }
        CheckSignalInfos(process.PendingSignals);
    }

    private void CheckSignalInfos(IReadOnlyList<byte[]> infos)
    {
        foreach (var info in infos) Require(info?.Length == CoreNotes.SignalInfoLength, "a siginfo has not 128 bytes");
    }

    private void CheckLimits()
    {
        foreach (var limit in process.Limits)
            Require(limit is not null && limit.Resource is >= 0 and <= MaxResource, "a resource limit is impossible");
        foreach (var timer in process.IntervalTimers)
            Require(timer is not null && timer.Which is >= 0 and <= 2 && timer.RemainingUs >= 0 && timer.IntervalUs >= 0,
                "an interval timer is impossible");
    }

    private void RequireObject(int id, string what) =>
        Require(objects.Contains(id), $"its {what} is object {id}, which is not in the tree");

    private void Require(bool condition, string what)
    {
        if (!condition) throw faults.Damaged($"process {process.Pid}: {what}");
    }
}
