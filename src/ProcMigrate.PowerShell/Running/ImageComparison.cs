using System.Globalization;

namespace ProcMigrate.PowerShell.Running;

/// <summary>What differs between two images that were read in detail.</summary>
internal static class ImageComparison
{
    public static IEnumerable<ImageDifference> Compare(ProcessImage first, ProcessImage second)
    {
        var all = Properties(first, second)
            .Concat(Keyed("File", null, first.Files.Distinct().ToDictionary(file => file, _ => ""), second.Files.Distinct().ToDictionary(file => file, _ => "")))
            .Concat(Keyed("Objects", null, Counts(first), Counts(second)))
            .Concat(Keyed("Process", null, Processes(first), Processes(second)));
        var others = second.Processes.ToDictionary(process => process.ProcessId);
        foreach (var process in first.Processes)
        {
            if (others.TryGetValue(process.ProcessId, out var other))
                all = all.Concat(Compare(process, other));
        }

        return all;
    }

    private static IEnumerable<ImageDifference> Properties(ProcessImage first, ProcessImage second)
    {
        (string Name, string? First, string? Second)[] properties =
        [
            ("Origin", first.Origin, second.Origin),
            ("KernelRelease", first.KernelRelease, second.KernelRelease),
            ("Processor", first.Processor, second.Processor),
            ("Memory", ByteText.Of(first.Memory), ByteText.Of(second.Memory)),
            ("Threads", Text(first.Threads), Text(second.Threads)),
        ];
        return properties.Where(item => item.First != item.Second)
            .Select(item => new ImageDifference { Item = "Image", Key = item.Name, Reference = item.First, Difference = item.Second });
    }

    private static IEnumerable<ImageDifference> Compare(ImageProcess first, ImageProcess second)
    {
        var pid = first.ProcessId;
        return Keyed("Memory", pid, Sorts(first), Sorts(second))
            .Concat(Keyed("Thread", pid, Threads(first), Threads(second)))
            .Concat(Keyed("Mapping", pid, Mappings(first), Mappings(second)))
            .Concat(Keyed("Descriptor", pid, Descriptors(first), Descriptors(second)))
            .Concat(Keyed("Environment", pid, first.Environment, second.Environment))
            .Concat(Keyed("Settings", pid, Settings(first), Settings(second)));
    }

    private static IEnumerable<ImageDifference> Keyed(
        string item, int? pid, IReadOnlyDictionary<string, string> first, IReadOnlyDictionary<string, string> second)
    {
        foreach (var name in first.Keys.Union(second.Keys))
        {
            var (left, right) = (first.GetValueOrDefault(name), second.GetValueOrDefault(name));
            if (left != right)
                yield return new() { Item = item, ProcessId = pid, Key = name, Reference = left, Difference = right };
        }
    }

    private static Dictionary<string, string> Counts(ProcessImage image) => image.Objects.ToDictionary(pair => pair.Key, pair => Text(pair.Value));

    private static Dictionary<string, string> Processes(ProcessImage image) =>
        image.Processes.ToDictionary(process => Text(process.ProcessId), process => string.Join(' ', [process.ProgramName, .. process.CommandLine.Skip(1)]));

    private static Dictionary<string, string> Sorts(ImageProcess process) =>
        process.MemoryBySort.ToDictionary(sort => sort.Sort, sort => $"{ByteText.Of(sort.Stored)} of {ByteText.Of(sort.Length)}");

    /// <summary>Where a thread stands differs from one moment to the next, so it is not compared.</summary>
    private static Dictionary<string, string> Threads(ImageProcess process) =>
        process.ThreadList.ToDictionary(thread => Text(thread.ThreadId), thread => $"{thread.ThreadName} {thread.Policy} {thread.Nice}");

    private static Dictionary<string, string> Mappings(ImageProcess process) =>
        process.Mappings.ToDictionary(
            mapping => mapping.Start.ToString("x", CultureInfo.InvariantCulture), mapping => $"{mapping.Protection} {ByteText.Of(mapping.Length)} {mapping.Title ?? mapping.Sort}");

    private static Dictionary<string, string> Descriptors(ImageProcess process) =>
        process.Descriptors.ToDictionary(descriptor => Text(descriptor.Descriptor), descriptor => $"{descriptor.Kind} {descriptor.Title}");

    private static Dictionary<string, string> Settings(ImageProcess process) => new()
    {
        ["WorkingFolder"] = process.WorkingFolder ?? "",
        ["Executable"] = process.Executable ?? "",
        ["UserId"] = Text(process.UserId ?? -1),
        ["Umask"] = Convert.ToString(process.Umask ?? 0, 8),
        ["Stopped"] = process.Stopped.ToString(),
    };

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
