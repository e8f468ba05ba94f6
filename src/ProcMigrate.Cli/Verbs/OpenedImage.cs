using System.Text.Json;
using ProcMigrate.Cli.Output;
using ProcMigrate.Engine.Contracts;
using ProcMigrate.Image;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;

namespace ProcMigrate.Cli.Verbs;

/// <summary>An image file opened and its index verified, in the words of results.</summary>
internal sealed class OpenedImage : IDisposable
{
    private readonly ImageReader reader;

    private OpenedImage(ImageReader reader, ResultImage summary) => (this.reader, Summary) = (reader, summary);

    public ResultImage Summary { get; }

    public TreeRecord Tree => reader.Tree;

    /// <summary>The tree as it stands in the image, member by member.</summary>
    public Dictionary<string, JsonElement> TreeJson()
    {
        var members = new Dictionary<string, JsonElement>();
        foreach (JsonProperty member in JsonSerializer.SerializeToElement(reader.Tree, ImageJson.Default.TreeRecord).EnumerateObject())
            members.Add(member.Name, member.Value);
        return members;
    }

    public ProcessRecord Root => Tree.Processes[0];

    public long MemoryBytes => Tree.Processes.Sum(process => process.MemoryBytes);

    public IReadOnlyList<ProcessSummary> Processes =>
        [.. Tree.Processes.Select(process => new ProcessSummary(process.Pid, process.Name, process.Threads.Count))];

    public static OpenedImage Open(string path)
    {
        var reader = ImageReader.Open(path);
        return new(reader, new ResultImage(reader.Path, reader.Tree.Id, reader.Length)
        {
            SavedAt = reader.Tree.SavedAt,
            Origin = reader.Tree.Origin.HostName,
        });
    }

    /// <summary>All but the memory, as an image by itself.</summary>
    public void WriteDescription(ImageSink target) => reader.WriteDescription(target);

    /// <summary>Reads every extent and compares its checksum.</summary>
    public void VerifyMemory(CancellationToken cancel) => reader.VerifyMemory(null, cancel);

    /// <summary>Writes a core file of one process, as gdb reads it; the file must not exist.</summary>
    public void ExportCore(int pid, string path) => reader.ExportCore(pid, path);

    public ImageContents Describe(bool detailed) =>
        ImageContentsBuilder.Build(reader.Tree, reader.MemoryOf, detailed ? EnvironmentOf : null);

    /// <summary>As it was when the process started; what the program did to it later lies elsewhere.</summary>
    private string[] EnvironmentOf(ProcessRecord process)
    {
        const int longest = 16 << 20;
        var (start, end) = (process.Layout.EnvironmentStart, process.Layout.EnvironmentEnd);
        if (end <= start || end - start > longest)
            return [];
        var text = new byte[end - start];
        foreach (var extent in reader.MemoryOf(process.Pid))
        {
            var (from, to) = (Math.Max(start, extent.Address), Math.Min(end, extent.Address + (ulong)extent.RawLength));
            if (from >= to)
                continue;
            var bytes = new byte[extent.RawLength];
            reader.Read(extent, bytes);
            bytes.AsSpan((int)(from - extent.Address), (int)(to - from)).CopyTo(text.AsSpan((int)(from - start)));
        }

        return CString.Decode(text).Split('\0', StringSplitOptions.RemoveEmptyEntries);
    }

    /// <summary>The files that it carries, or null.</summary>
    public BundleContents? Bundle() => ProcessImages.ReadBundle(reader);

    public void Dispose() => reader.Dispose();
}
