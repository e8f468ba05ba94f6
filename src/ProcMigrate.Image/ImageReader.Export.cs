using ProcMigrate.Image.Core;
using ProcMigrate.Image.Format;
using ProcMigrate.Image.Records;
using ProcMigrate.Image.Storage;

namespace ProcMigrate.Image;

public sealed partial class ImageReader
{
    /// <summary>Writes the ELF core of one process to a file of its own, which must not exist; the bytes are checked on the way.</summary>
    /// <exception cref="ImageException">The image is damaged, or the file cannot be written; nothing is left then.</exception>
    public void ExportCore(int pid, string path)
    {
        var process = Tree.Processes.FirstOrDefault(p => p.Pid == pid)
            ?? throw new ArgumentException($"{Path} holds no process {pid}", nameof(pid));
        using var target = TargetFile.Create(path, overwrite: false);
        var notesOffset = CopyMemory(pid, target);

        var notes = entries.First(e => e.Kind == ExtentKind.CoreNotes && e.Owner == pid);
        using var tail = new ExtentStream(target, notesOffset);
        var crc = source.Checksum(notes.Offset, notes.StoredLength, tail.Write);
        if (crc != notes.Crc32C) throw Faults.Damaged($"wrong checksum of the {notes}");
        tail.Write(new byte[-notes.StoredLength & 7]);
        var segmentsOffset = notesOffset + tail.Length;
        var count = CoreProgramHeaders.Write(tail, notesOffset, notes.StoredLength,
            CoreSegments.Enumerate(process.Mappings.Select(ToCoreMapping), RunsOf(pid)));
        tail.Flush();
        target.Write(CoreHeaderPage.Build(segmentsOffset, count), 0);
        target.Publish();
    }

    /// <summary>Puts the memory side by side behind the header page, and returns its end.</summary>
    private long CopyMemory(int pid, TargetFile target)
    {
        var buffer = new byte[ImageLimits.ExtentBytes];
        long end = ImageLimits.PageSize;
        foreach (var extent in MemoryOf(pid))
        {
            var bytes = buffer.AsSpan(0, (int)extent.RawLength);
            Read(extent, bytes);
            target.Write(bytes, end);
            end += extent.RawLength;
        }
        return end;
    }

    /// <summary>The places that <see cref="CopyMemory"/> gives out.</summary>
    private IEnumerable<StoredRun> RunsOf(int pid)
    {
        long offset = ImageLimits.PageSize;
        foreach (var extent in MemoryOf(pid))
        {
            yield return new StoredRun(extent.Address, offset, extent.RawLength);
            offset += extent.RawLength;
        }
    }

    private static CoreMapping ToCoreMapping(MappingRecord mapping) => new(
        mapping.Start, mapping.End, (mapping.Protection & 1) != 0, (mapping.Protection & 2) != 0, (mapping.Protection & 4) != 0);
}
