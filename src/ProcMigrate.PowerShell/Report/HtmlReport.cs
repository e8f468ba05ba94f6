using System.Globalization;
using System.Net;
using System.Text;
using ProcMigrate.PowerShell.Running;

namespace ProcMigrate.PowerShell.Report;

/// <summary>An image as one page that needs nothing else: no script, no font, no picture from elsewhere.</summary>
internal sealed class HtmlReport
{
    private readonly StringBuilder page = new();
    private readonly ProcessImage image;

    private HtmlReport(ProcessImage image) => this.image = image;

    /// <param name="timings">Of the save, where it was just made; the image does not hold them.</param>
    /// <param name="withEnvironment">Environments may hold passwords.</param>
    public static string Write(ProcessImage image, IReadOnlyDictionary<string, double>? timings, bool withEnvironment)
    {
        var report = new HtmlReport(image);
        report.Head();
        report.Facts();
        report.Blockers();
        report.Timings(timings ?? image.Timings);
        report.Tree();
        foreach (var process in image.Processes)
            report.Process(process, withEnvironment);
        report.Files();
        report.page.Append("</body></html>\n");
        return report.page.ToString();
    }

    private void Head()
    {
        var title = Encode($"{image.RootName} ({image.RootId})");
        Line(
            $"""
            <!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{title} - process image</title>
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
            <style>{ReportStyle.Sheet}</style></head><body>
            <h1>{title} <small>{Encode(image.ToString())}</small></h1>
            """);
    }

    private void Facts()
    {
        Line($"""<div class="facts">""");
        Fact("saved", image.SavedAt?.ToString("yyyy-MM-dd HH:mm:ss zzz", CultureInfo.InvariantCulture));
        Fact("on", $"{image.Origin}, Linux {image.KernelRelease}, {image.Processor}");
        Fact("memory held", $"{ByteText.Of(image.Memory)} in a file of {ByteText.Of(image.Length)}");
        Fact("tree", $"{Count(image.Processes.Count, "process", "processes")}, {Count(image.Threads, "thread", "threads")}");
        Fact("kernel objects", string.Join(", ", image.Objects.OrderByDescending(kind => kind.Value).Select(kind => $"{kind.Value} {kind.Key}")));
        Fact("id", image.ImageId.ToString());
        Fact("written by", $"procmigrate {image.ToolVersion}, memory by {image.Method}");
        Line($"</div>");
    }

    private void Fact(string name, string? value) => Line($"<div><b>{name}</b>{Encode(value)}</div>");

    private void Blockers()
    {
        var where = (image as RemoteProcessImage)?.HostName ?? "this host";
        Line($"<h2>Restoring it on {Encode(where)}</h2>");
        if (image.Blockers is not { } blockers)
        {
            Line($"""<p class="note">Whether it can be restored there is not known.</p>""");
            return;
        }

        if (blockers.Count == 0)
        {
            Line($"""<p class="good">&#10003; Nothing stood in the way when this page was made.</p>""");
            return;
        }

        Line($"""<p class="bad">&#10007; {Count(blockers.Count, "thing stands", "things stand")} in the way:</p>""");
        Table(["id", "what", "~why", "~what to do"], blockers.Select(blocker => new[] { blocker.BlockerId, blocker.What, blocker.Why, blocker.Remedy }));
    }

    private void Timings(IReadOnlyDictionary<string, double> timings)
    {
        if (timings.Count == 0)
            return;
        var longest = Math.Max(timings.Values.Max(), 1e-3);
        Line($"""<h2>Timings <small>of the save, in milliseconds</small></h2><table class="timings">""");
        foreach (var (phase, milliseconds) in timings)
        {
            Line(
                $"""
                <tr><td style="width:14%">{Encode(phase)}</td><td class="n">{milliseconds:0.0}</td>
                <td style="width:74%"><div class="bar anonymous"><i style="width:{100 * milliseconds / longest:0.##}%"></i></div></td></tr>
                """);
        }

        Line($"</table>");
    }

    private void Tree()
    {
        Line($"""<h2>Processes</h2><div class="scroll"><table class="tree"><tr><th>process</th><th class="n">threads</th><th class="n">memory</th><th>by sort</th><th class="n">user</th><th>state</th><th>command line</th></tr>""");
        var largest = Math.Max(1, image.Processes.Max(process => process.Memory));
        foreach (var process in image.Processes)
        {
            Line(
                $"""
                <tr><td style="padding-left:{process.Depth * 18}px">{(process.Depth > 0 ? "&#9492; " : "")}<a href="#p{process.ProcessId}">{Encode(process.ProgramName)}</a> {process.ProcessId}</td>
                <td class="n">{process.Threads}</td><td class="n">{ByteText.Of(process.Memory)}</td><td>{Bar(process, largest)}</td>
                <td class="n">{process.UserId}</td><td>{(process.Stopped ? "stopped" : "running")}</td><td class="m">{Encode(string.Join(' ', process.CommandLine))}</td></tr>
                """);
        }

        Line($"</table></div>");
        Key();
    }

    /// <summary>Held memory by sort, in the scale of the process that has most.</summary>
    private static string Bar(ImageProcess process, long largest)
    {
        var bar = new StringBuilder("<div class=\"bar\">");
        foreach (var sort in process.MemoryBySort.Where(sort => sort.Stored > 0))
        {
            bar.Append(CultureInfo.InvariantCulture,
                $"""<i class="{ReportStyle.ClassOf(sort.Sort)}" style="width:{100.0 * sort.Stored / largest:0.##}%" title="{sort.Sort}: {ByteText.Of(sort.Stored)}"></i>""");
        }

        return bar.Append("</div>").ToString();
    }

    private void Key()
    {
        Line($"""<div class="key">""");
        foreach (var sort in ReportStyle.Sorts)
            Line($"""<span class="{ReportStyle.ClassOf(sort)}"><i></i>{sort}</span>""");
        Line($"</div>");
    }

    private void Process(ImageProcess process, bool withEnvironment)
    {
        Line($"""<h2 id="p{process.ProcessId}">{Encode(process.ProgramName)} <small>pid {process.ProcessId}, {Encode(process.Executable)}, in {Encode(process.WorkingFolder)}</small></h2>""");
        Line($"<h3>Address space <small class=\"note\">pale: mapped, full: held by the image; widths by the logarithm of the size</small></h3>");
        Line($"{Raw(AddressMap.Draw(process.Mappings))}");
        Key();
        Table(
            ["sort", "#mappings", "#mapped", "#held"],
            process.MemoryBySort.Select(sort => new[] { sort.Sort, Number(sort.Mappings), ByteText.Of(sort.Length), ByteText.Of(sort.Stored) }));
        if (process.MemoryBySort.Any(sort => sort.Sort == "shared memory"))
            Line($"""<p class="note">Shared memory is held once, as a kernel object, for all that map it.</p>""");
        Section("Threads", process.Threads, ["#tid", "name", "goes on at", "in", "policy", "#nice"], process.ThreadList.Select(thread => new[]
        {
            Number(thread.ThreadId), thread.ThreadName, $"0x{thread.InstructionPointer:x}", thread.Code ?? "", thread.Policy ?? "", Number(thread.Nice),
        }), open: process.Threads <= 16);
        Section("Descriptors", process.Descriptors.Count, ["#fd", "kind", "name", "#object"], process.Descriptors.Select(descriptor => new[]
        {
            Number(descriptor.Descriptor), descriptor.Kind, descriptor.Title, Number(descriptor.ObjectId),
        }), open: process.Descriptors.Count <= 32);
        Section("Mappings", process.Mappings.Count, ["addresses", "prot", "#mapped", "#held", "sort", "name"], process.Mappings.Select(mapping => new[]
        {
            $"{mapping.Start:x}-{mapping.End:x}", mapping.Protection, ByteText.Of(mapping.Length), ByteText.Of(mapping.Stored), mapping.Sort, mapping.Title ?? "",
        }), open: false);
        if (withEnvironment)
            Section("Environment", process.Environment.Count, ["name", "value"], process.Environment.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => new[] { pair.Key, pair.Value }), open: false);
    }

    private void Files()
    {
        Line($"<h2>Files <small>open, mapped or stood on: {image.Files.Count}</small></h2>");
        Section("Carried along", image.BundledFiles.Count, ["path", "#content"], image.BundledFiles.Select(file => new[] { file.OriginalPath, ByteText.Of(file.Length) }), open: image.BundledFiles.Count is > 0 and <= 30);
        Section("Paths", image.Files.Count, ["path"], image.Files.Select(file => new[] { file }), open: image.Files.Count <= 30);
    }

    private void Section(string title, int count, string[] columns, IEnumerable<string[]> rows, bool open)
    {
        Line($"<details{(open ? " open" : "")}><summary>{title} <small class=\"note\">{count}</small></summary>");
        Table(columns, rows);
        Line($"</details>");
    }

    /// <summary>A column whose name begins with # holds numbers, with ~ sentences, and the others names.</summary>
    private void Table(string[] columns, IEnumerable<string[]> rows)
    {
        page.Append("<div class=\"scroll\"><table><tr>");
        foreach (var column in columns)
            page.Append(column[0] == '#' ? $"<th class=\"n\">{column[1..]}</th>" : $"<th>{column.TrimStart('~')}</th>");
        page.Append("</tr>\n");
        foreach (var row in rows)
        {
            page.Append("<tr>");
            for (var index = 0; index < row.Length; index++)
                page.Append(CellFor(columns[index][0])).Append(Encode(row[index])).Append("</td>");
            page.Append("</tr>\n");
        }

        page.Append("</table></div>\n");
    }

    private static string CellFor(char sort) => sort switch
    {
        '#' => "<td class=\"n\">",
        '~' => "<td>",
        _ => "<td class=\"m\">",
    };

    /// <summary>Numbers come as everywhere; whatever is text from the image must have been encoded.</summary>
    private void Line(FormattableString html) => page.Append(html.ToString(CultureInfo.InvariantCulture)).Append('\n');

    private static string Raw(string html) => html;

    /// <summary>Names come from programs, and may be anything.</summary>
    private static string Encode(string? text) => WebUtility.HtmlEncode(text ?? "");

    private static string Number(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static string Count(int count, string one, string many) => $"{count} {(count == 1 ? one : many)}";
}
