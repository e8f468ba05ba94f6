using ProcMigrate.Image;
using ProcMigrate.Image.Records;

namespace ProcMigrate.Cli.Output;

/// <summary>Sums an image's records up for <c>inspect</c>.</summary>
internal static class ImageContentsBuilder
{
    private const string FileKind = "file";

    /// <param name="memoryOf">Stored memory of a process, by address.</param>
    /// <param name="environmentOf">Not null: with every mapping and the environment.</param>
    public static ImageContents Build(
        TreeRecord tree, Func<int, IReadOnlyList<MemoryExtent>> memoryOf, Func<ProcessRecord, IReadOnlyList<string>>? environmentOf)
    {
        var objects = tree.Objects.ToDictionary(item => item.Id);
        return new()
        {
            SavedAt = tree.SavedAt,
            Tool = tree.Tool,
            Method = tree.Method,
            Origin = new(tree.Origin.HostName, tree.Origin.KernelRelease, tree.Origin.Cpu.Model),
            Processes = [.. tree.Processes.Select(process => Describe(process, objects, memoryOf(process.Pid), environmentOf))],
            Files = [.. tree.Objects.Where(item => item.Kind == FileKind).Select(item => item.Title).Distinct().Order(StringComparer.Ordinal)],
            Objects = [.. tree.Objects.GroupBy(item => item.Kind).OrderBy(group => group.Key, StringComparer.Ordinal)
                .Select(group => new ObjectContents(group.Key, group.Count()))],
        };
    }

    private static ProcessContents Describe(
        ProcessRecord process, Dictionary<int, ObjectRecord> objects, IReadOnlyList<MemoryExtent> stored,
        Func<ProcessRecord, IReadOnlyList<string>>? environmentOf)
    {
        var mappings = Mappings(process, objects, stored);
        return new()
        {
            Pid = process.Pid,
            ParentPid = process.ParentPid,
            Name = process.Name,
            CommandLine = process.CommandLine,
            MemoryBytes = process.MemoryBytes,
            Stopped = process.Stopped,
            Rights = RightsBuilder.Of(process.Threads),
            Threads = [.. process.Threads.Select(thread => new ThreadContents(thread.Tid, thread.Name))],
            Memory = Sorts(mappings),
            Descriptors = [.. process.Descriptors.OrderBy(descriptor => descriptor.Fd).Select(descriptor =>
            {
                var target = objects.GetValueOrDefault(descriptor.ObjectId);
                return new DescriptorContents(descriptor.Fd, target?.Kind ?? "?", target?.Title ?? "?");
            })],
            Mappings = environmentOf is null ? null : mappings,
            Environment = environmentOf?.Invoke(process),
        };
    }

    private static MemoryContents[] Mappings(
        ProcessRecord process, Dictionary<int, ObjectRecord> objects, IReadOnlyList<MemoryExtent> stored)
    {
        var mappings = process.Mappings.OrderBy(mapping => mapping.Start).ToArray();
        var bytes = StoredBytes(mappings, stored);
        var contents = new MemoryContents[mappings.Length];
        for (var index = 0; index < mappings.Length; index++)
            contents[index] = new(Sort(mappings[index], objects), 1, (long)(mappings[index].End - mappings[index].Start), bytes[index]);
        return contents;
    }

    private static MemoryContents[] Sorts(MemoryContents[] mappings)
    {
        var sorts = new SortedDictionary<string, MemoryContents>(StringComparer.Ordinal);
        foreach (var mapping in mappings)
        {
            var sum = sorts.GetValueOrDefault(mapping.Sort) ?? new MemoryContents(mapping.Sort, 0, 0, 0);
            sorts[mapping.Sort] = new(mapping.Sort, sum.Mappings + 1, sum.Bytes + mapping.Bytes, sum.StoredBytes + mapping.StoredBytes);
        }

        return [.. sorts.Values.OrderByDescending(sort => sort.StoredBytes)];
    }

    /// <summary>Both lists are sorted by address; an extent may reach over several adjacent mappings.</summary>
    private static long[] StoredBytes(MappingRecord[] mappings, IReadOnlyList<MemoryExtent> stored)
    {
        var bytes = new long[mappings.Length];
        var first = 0;
        foreach (var extent in stored)
        {
            var end = extent.Address + (ulong)extent.RawLength;
            while (first < mappings.Length && mappings[first].End <= extent.Address)
                first++;
            for (var index = first; index < mappings.Length && mappings[index].Start < end; index++)
                bytes[index] += (long)(Math.Min(end, mappings[index].End) - Math.Max(extent.Address, mappings[index].Start));
        }

        return bytes;
    }

    private static string Sort(MappingRecord mapping, Dictionary<int, ObjectRecord> objects) => mapping switch
    {
        { Backing: MappingBacking.Vdso or MappingBacking.Vvar } => "kernel",
        { Name: "[heap]" } => "heap",
        { Name: "[stack]" } => "stack",
        { Protection: 0 } => "reserved",
        { Backing: MappingBacking.Anonymous } => "anonymous",
        _ when objects.GetValueOrDefault(mapping.ObjectId)?.Kind != FileKind => "shared memory",
        { Shared: true } => "shared file",
        _ => "private file",
    };
}
