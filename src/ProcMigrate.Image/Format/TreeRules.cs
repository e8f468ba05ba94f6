using ProcMigrate.Image.Records;

namespace ProcMigrate.Image.Format;

/// <summary>What must be true of a tree beyond its JSON: references lead somewhere, counts and sizes are possible, order holds.</summary>
internal static class TreeRules
{
    public static void Check(TreeRecord tree, ImageFaults faults)
    {
        Count(tree.Processes.Count, ImageLimits.Processes, "processes", faults);
        Count(tree.Objects.Count, ImageLimits.Objects, "kernel objects", faults);
        if (tree.Processes.Count == 0) throw faults.Damaged("the tree has no process");
        NoNull(tree.Origin.Cpu.Features, "CPU features", faults);
        NoNull(tree.Origin.Cpu.XsaveLayout, "XSAVE layout", faults);
        CheckXsave(tree.Origin.Cpu.XsaveLayout, faults);
        var objects = CheckObjects(tree.Objects, faults);
        var pids = new HashSet<int>();
        var tids = new HashSet<int>();
        for (var i = 0; i < tree.Processes.Count; i++)
        {
            var process = tree.Processes[i] ?? throw faults.Damaged($"process number {i} is null");
            if (process.Pid <= 0 || !pids.Add(process.Pid)) throw faults.Damaged($"process {process.Pid} is there twice, or impossible");
            if (i > 0 && !tree.FurtherRoots.Contains(process.Pid) && (process.ParentPid == process.Pid || !pids.Contains(process.ParentPid)))
                throw faults.Damaged($"process {process.Pid} comes without or before its parent {process.ParentPid}");
            new ProcessRules(process, objects, tids, faults).Check();
        }
        CheckRoots(tree, pids, faults);
        CheckZombies(tree.Zombies, pids, tids, faults);
    }

    /// <summary>Their parents are outside: else nobody would be shown as the root of some, and who shares memory with whom would go in a circle.</summary>
    private static void CheckRoots(TreeRecord tree, HashSet<int> pids, ImageFaults faults)
    {
        var further = tree.FurtherRoots.ToHashSet();
        ulong memory = 0;
        for (var i = 0; i < tree.Processes.Count; i++)
        {
            var process = tree.Processes[i];
            if ((i == 0 || further.Contains(process.Pid)) && pids.Contains(process.ParentPid))
                throw faults.Damaged($"process {process.Pid} is a root, and its parent {process.ParentPid} is in the tree");
            memory += (ulong)process.MemoryBytes;
            if (memory > long.MaxValue) throw faults.Damaged("its processes have more memory than there is");
        }
    }

    private static void CheckXsave(IReadOnlyList<XsaveComponentRecord> layout, ImageFaults faults)
    {
        const int LastBit = 63, Longest = 64 << 10, ProtectionKeys = 9;
        foreach (var component in layout)
        {
            var shortest = component.Bit == ProtectionKeys ? sizeof(uint) : 0;
            if (component.Bit is < 0 or > LastBit || component.Offset is < 0 or > Longest || component.Size > Longest || component.Size < shortest)
                throw faults.Damaged($"component {component.Bit} of the XSAVE area has an impossible place");
        }
    }

    private static void CheckZombies(IReadOnlyList<ZombieRecord> zombies, HashSet<int> pids, HashSet<int> tids, ImageFaults faults)
    {
        Count(zombies.Count, ImageLimits.Processes, "ended processes", faults);
        NoNull(zombies, "ended processes", faults);
        foreach (var zombie in zombies)
        {
            if (zombie.Pid <= 0 || !tids.Add(zombie.Pid)) throw faults.Damaged($"ended process {zombie.Pid} is there twice, or impossible");
            if (!pids.Contains(zombie.ParentPid)) throw faults.Damaged($"ended process {zombie.Pid} comes without its parent {zombie.ParentPid}");
        }
    }

    /// <summary>Whether the extents fit the tree: a core for each process, memory within mappings, data for known objects only.</summary>
    public static void CheckExtents(TreeRecord tree, ReadOnlySpan<IndexEntry> entries, ExtentMap map, ImageFaults faults)
    {
        var processes = tree.Processes.ToDictionary(p => p.Pid);
        var objects = tree.Objects.Select(o => o.Id).ToHashSet();
        if (entries[0].Owner != tree.Processes[0].Pid)
            throw faults.Damaged($"the first core is not that of the root, process {tree.Processes[0].Pid}");
        var cores = new HashSet<int>();
        foreach (ref readonly var entry in entries)
            if (entry.Kind == ExtentKind.CoreHeader && (!processes.ContainsKey(entry.Owner) || !cores.Add(entry.Owner)))
                throw faults.Damaged($"the core of process {entry.Owner} is there twice, or not in the tree");
        if (cores.Count != processes.Count)
            throw faults.Damaged($"process {processes.Keys.First(pid => !cores.Contains(pid))} has no core");
        foreach (var (kind, owner) in map.Owners)
            if (kind == ExtentKind.Memory) CheckMemory(processes[owner], map.Of(kind, owner), faults);
            else if (!objects.Contains(owner)) throw faults.Damaged($"there is data for object {owner}, which is not in the tree");
    }

    private static void CheckMemory(ProcessRecord process, IReadOnlyList<MemoryExtent> extents, ImageFaults faults)
    {
        var mapping = 0;
        foreach (var extent in extents)
        {
            while (mapping < process.Mappings.Count && process.Mappings[mapping].End <= extent.Address) mapping++;
            if (mapping == process.Mappings.Count || extent.Address < process.Mappings[mapping].Start
                || extent.Address + (ulong)extent.RawLength > process.Mappings[mapping].End)
                throw faults.Damaged($"memory of process {process.Pid} at 0x{extent.Address:x} lies outside its mappings");
        }
    }

    private static HashSet<int> CheckObjects(IReadOnlyList<ObjectRecord> objects, ImageFaults faults)
    {
        var ids = new HashSet<int>(objects.Count);
        foreach (var item in objects)
        {
            if (item is null) throw faults.Damaged("an object is null");
            if (item.Id <= 0 || !ids.Add(item.Id)) throw faults.Damaged($"object {item.Id} is there twice, or impossible");
            if (item.Kind.Length is 0 or > 64) throw faults.Damaged($"object {item.Id} has no kind");
            if (item.State.ValueKind == System.Text.Json.JsonValueKind.Undefined)
                throw faults.Damaged($"object {item.Id} has no state");
        }
        return ids;
    }

    internal static void Count(int count, int limit, string what, ImageFaults faults)
    {
        if (count > limit) throw faults.TooLarge(what, count, limit);
    }

    /// <summary>JSON can put null into a list although the type says that there is none.</summary>
    internal static void NoNull<T>(IReadOnlyList<T> list, string what, ImageFaults faults) where T : class
    {
        foreach (var item in list)
            if (item is null) throw faults.Damaged($"null among the {what}");
    }
}
