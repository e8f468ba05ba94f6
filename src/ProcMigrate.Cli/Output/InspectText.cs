using System.Globalization;

namespace ProcMigrate.Cli.Output;

/// <summary>An image for people.</summary>
internal static class InspectText
{
    /// <summary>A program with thousands of threads is told in numbers; --json has them all.</summary>
    private const int ThreadsListed = 8;

    public static void Write(VerbResult result, TextWriter output)
    {
        var contents = result.Contents;
        if (contents is null)
            return;
        WriteHead(result, contents, output);
        output.WriteLine();
        output.WriteLine("processes");
        var roots = contents.Processes.Where(process => contents.Processes.All(other => other.Pid != process.ParentPid));
        foreach (var root in roots)
            WriteProcess(root, contents, "  ", output);
        foreach (var process in contents.Processes)
            WriteDetails(process, output);
        output.WriteLine();
        output.WriteLine("files");
        foreach (var file in contents.Files)
            output.WriteLine($"  {file}");
        FilesText.Write(result.Bundle, output);
        output.WriteLine();
        WriteBlockers(result, output);
    }

    private static void WriteHead(VerbResult result, ImageContents contents, TextWriter output)
    {
        var table = new TextTable();
        table.Add("image", $"{result.Image?.Path} ({Amount.Bytes(result.Image?.Bytes ?? 0)})");
        table.Add("id", result.Image?.Id.ToString() ?? "");
        table.Add("saved", $"{Shown(contents.SavedAt)} by procmigrate {contents.Tool}, memory by {contents.Method}");
        table.Add("on", $"{contents.Origin.HostName}, Linux {contents.Origin.KernelRelease}, {contents.Origin.CpuModel}");
        table.Add("memory", Amount.Bytes(result.MemoryBytes ?? 0));
        table.Add("objects", string.Join(", ", contents.Objects.Select(sort => $"{sort.Count} {sort.Kind}")));
        table.Write(output);
    }

    /// <summary>ISO 8601 to the second.</summary>
    private static string Shown(string time) => time.Length < "2000-01-01T00:00:00".Length ? time : $"{time[..10]} {time[11..19]}Z";

    private static void WriteProcess(ProcessContents process, ImageContents contents, string indent, TextWriter output)
    {
        var state = process.Stopped ? ", stopped" : "";
        output.WriteLine(
            $"{indent}{process.Pid} {process.Name}  {Amount.Count(process.Threads.Count, "thread")}, {Amount.Bytes(process.MemoryBytes)}{state}"
            + $"  {string.Join(' ', process.CommandLine)}");
        foreach (var child in contents.Processes.Where(child => child.ParentPid == process.Pid && child != process))
            WriteProcess(child, contents, indent + "  ", output);
    }

    private static void WriteDetails(ProcessContents process, TextWriter output)
    {
        output.WriteLine();
        output.WriteLine($"{process.Name} (pid {process.Pid})");
        foreach (var rights in process.Rights.Take(ThreadsListed))
            output.WriteLine($"  runs as {RightsBuilder.Describe(rights)}");
        var names = process.Threads.Take(ThreadsListed).Select(thread => $"{thread.Tid} {thread.Name}");
        var more = process.Threads.Count - ThreadsListed;
        output.WriteLine($"  threads: {string.Join(", ", names)}{(more > 0 ? $" and {more} more" : "")}");
        output.WriteLine("  memory");
        var memory = new TextTable();
        foreach (var sort in process.Memory)
            memory.Add(sort.Sort, $"{Amount.Bytes(sort.StoredBytes)} of {Amount.Bytes(sort.Bytes)}", Amount.Count(sort.Mappings, "mapping"));
        memory.Write(output, "    ");
        output.WriteLine("  descriptors");
        var descriptors = new TextTable();
        foreach (var descriptor in process.Descriptors)
            descriptors.Add(descriptor.Fd.ToString(CultureInfo.InvariantCulture), descriptor.Kind, descriptor.Title);
        descriptors.Write(output, "    ");
        if (process.Environment is not { } environment)
            return;
        output.WriteLine("  environment");
        foreach (var variable in environment)
            output.WriteLine($"    {variable}");
    }

    private static void WriteBlockers(VerbResult result, TextWriter output)
    {
        var where = result.Host is { } host ? $"on {host}" : "here";
        if (result.BlockersUnknown is { } reason)
        {
            output.WriteLine($"whether it can be restored {where} is not known: {reason}");
            return;
        }

        var blockers = result.Blockers ?? [];
        output.WriteLine(
            blockers.Count == 0 ? $"nothing stands in the way of restoring it {where}"
            : $"{Amount.Count(blockers.Count, "blocker")} of restoring it {where}");
        BlockerText.Write(blockers, output);
    }
}
