using ProcMigrate.Image.Core;
using ProcMigrate.Image.Format;

namespace ProcMigrate.Image;

/// <summary>The ELF core of one process while it is written.</summary>
public sealed class ProcessSection : IDisposable
{
    private readonly ImageWriter writer;
    private readonly int pid;
    private readonly long start;
    private readonly int firstIndexEntry;
    private bool ended;

    internal ProcessSection(ImageWriter writer, int pid, long start, int firstIndexEntry) =>
        (this.writer, this.pid, this.start, this.firstIndexEntry) = (writer, pid, start, firstIndexEntry);

    /// <summary>Stores whole pages of memory; safe from several threads. Zero pages need not be stored.</summary>
    public void WriteMemory(ulong address, ReadOnlySpan<byte> pages)
    {
        ObjectDisposedException.ThrowIf(ended, this);
        if (address % ImageLimits.PageSize != 0 || pages.Length % ImageLimits.PageSize != 0)
            throw new ArgumentException($"0x{address:x}, {pages.Length} bytes: not whole pages", nameof(pages));
        if (address > ImageLimits.AddressEnd - (ulong)pages.Length)
            throw new ArgumentOutOfRangeException(nameof(address), $"0x{address:x} is above user memory");
        writer.WriteData(ExtentKind.Memory, pid, address, pages);
    }

    /// <summary>Ends the core: notes and program headers behind the memory, then the ELF header. All memory must be written by now.</summary>
    /// <exception cref="ArgumentException">Registers of a wrong size, mappings out of order, or memory outside of them.</exception>
    public void Complete(CoreProcess core, IReadOnlyList<CoreMapping> mappings)
    {
        ObjectDisposedException.ThrowIf(ended, this);
        CheckCore(core);
        CheckMappings(mappings);
        var notes = writer.Append(ExtentKind.CoreNotes, pid, stream => new CoreNotes(stream).Write(core));
        var runs = writer.MemorySince(firstIndexEntry, pid).Where(e => e.Codec == ExtentCodec.None).Select(e => new StoredRun(e.Address, e.Offset - start, e.StoredLength));
        var count = 0;
        var segments = writer.Append(ExtentKind.CoreSegments, pid, stream => count = CoreProgramHeaders.Write(
            stream, notes.Offset - start, notes.StoredLength, CoreSegments.Enumerate(mappings, runs)));
        writer.Close(pid, start, CoreHeaderPage.Build(segments.Offset - start, count));
        ended = true;
    }

    /// <summary>A section that is not complete makes the image impossible to commit.</summary>
    public void Dispose()
    {
        if (!ended) writer.GiveUpSection();
        ended = true;
    }

    private void CheckCore(CoreProcess core)
    {
        ArgumentNullException.ThrowIfNull(core);
        if (core.Pid != pid) throw new ArgumentException($"process {core.Pid} in the section of {pid}", nameof(core));
        if (core.Threads.Count == 0) throw new ArgumentException($"process {pid} has no thread", nameof(core));
        foreach (var thread in core.Threads)
        {
            RequireLength(thread.Registers, CoreNotes.RegistersLength, thread.Tid, nameof(thread.Registers));
            RequireLength(thread.FloatingPoint, CoreNotes.FloatingPointLength, thread.Tid, nameof(thread.FloatingPoint));
            if (thread.SignalInfo is not null)
                RequireLength(thread.SignalInfo, CoreNotes.SignalInfoLength, thread.Tid, nameof(thread.SignalInfo));
        }
    }

    private static void RequireLength(byte[] bytes, int length, int tid, string name)
    {
        if (bytes.Length != length) throw new ArgumentException($"{name} of thread {tid}: {bytes.Length} bytes instead of {length}");
    }

    private static void CheckMappings(IReadOnlyList<CoreMapping> mappings)
    {
        ArgumentNullException.ThrowIfNull(mappings);
        ulong previous = 0;
        foreach (var mapping in mappings)
        {
            var aligned = (mapping.Start | mapping.End) % ImageLimits.PageSize == 0;
            if (!aligned || mapping.Start < previous || mapping.End <= mapping.Start || mapping.End > ImageLimits.AddressEnd)
                throw new ArgumentException($"mapping {mapping.Start:x}-{mapping.End:x} is not in order", nameof(mappings));
            previous = mapping.End;
        }
    }
}
