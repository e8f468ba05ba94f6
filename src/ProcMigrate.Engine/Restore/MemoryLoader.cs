using ProcMigrate.Image;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Memory;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Restore;

/// <summary>
/// Fills the memory of a process. The process reads its pages from the image file itself, one copy and no detour; only
/// pages it cannot write (a relocated table made read-only, say) are written from outside.
/// </summary>
internal sealed class MemoryLoader(ProcessRecord record, CallTable calls, RestoreContext context)
{
    private const int PROT_WRITE = 2;
    private const int PieceBytes = 1 << 20;
    private const int MovedBytes = 8 << 20;
    private const int PunchHole = 0x3; // FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE
    private bool? _punches;

    // The kernel reads at most this much in one call (MAX_RW_COUNT).
    private const long MaxRead = 0x7fff_f000;

    /// <summary>Only where one process is restored: others of a tree may have pages of it in common, and look them up in its part.</summary>
    private static bool Consumes(RestoreContext context) => context.Options.Consume && context.Tree.Processes.Count == 1;

    /// <summary>The image for the process to read from and, where it is to be consumed, to punch holes into.</summary>
    public static Descriptor OpenImage(RestoreContext context)
    {
        int image = (int)context.Image.File.DangerousGetHandle();
        return Consumes(context) ? FileCalls.Open($"/proc/self/fd/{image}", OpenFlags.O_RDWR) : Descriptor.Duplicate(image);
    }

    public void Load(int pid, int imageDescriptor, InheritedMemory? inherited, Action<long> loaded)
    {
        IReadOnlyList<MemoryExtent> all = context.Image.MemoryOf(record.Pid);
        using ProcessMemory memory = ProcessMemory.Open(pid);
        var packed = new PackedMemory(record, context.Image, inherited?.Same ?? []);
        packed.Load(all, memory, loaded);
        IEnumerable<MemoryExtent> extents = packed.Any ? all.Where(e => e.Codec == ExtentCodec.None) : all;
        if (inherited is not null)
        {
            Drop(inherited.Unwanted);
            extents = Without(inherited.Same, extents, loaded);
        }
        int mapping = 0;
        foreach (MemoryExtent run in Merge(extents))
        {
            while (record.Mappings[mapping].End <= run.Address)
                mapping++;
            MappingRecord m = record.Mappings[mapping];
            if (m.Backing == MappingBacking.Vdso)
                continue;
            if ((m.Protection & PROT_WRITE) != 0 && Consumes(context))
                Move(run, imageDescriptor);
            else if ((m.Protection & PROT_WRITE) != 0)
                Read(run, imageDescriptor);
            else
                Write(run, memory);
            loaded(run.RawLength);
        }
        calls.Run();
    }

    /// <summary>Pages of the parent that the child has let go of, or that are zero in it.</summary>
    private void Drop(IReadOnlyList<AddressRange> pages)
    {
        const ulong MADV_DONTNEED = 4;
        foreach (AddressRange range in pages)
            calls.Add(SyscallNumber.madvise, $"inherited pages at {range.Start:x}", range.Start, range.End - range.Start, MADV_DONTNEED);
    }

    private static IEnumerable<MemoryExtent> Without(IReadOnlyList<AddressRange> pages, IEnumerable<MemoryExtent> extents, Action<long> loaded)
    {
        foreach (MemoryExtent extent in extents)
        {
            long left = 0;
            foreach (AddressRange range in AddressRanges.Outside(pages, extent.Address, extent.Address + (ulong)extent.RawLength))
            {
                long length = (long)(range.End - range.Start);
                left += length;
                yield return extent with
                {
                    Address = range.Start,
                    Offset = extent.Offset + (long)(range.Start - extent.Address),
                    RawLength = length,
                    StoredLength = length,
                };
            }
            loaded(extent.RawLength - left);
        }
    }

    private void Read(in MemoryExtent run, int imageDescriptor)
    {
        calls.Add(
            SyscallNumber.pread64, $"{run.RawLength} bytes of memory at {run.Address:x}",
            (ulong)imageDescriptor, run.Address, (ulong)run.RawLength, (ulong)run.Offset, expected: run.RawLength);
    }

    /// <summary>
    /// Piece by piece, and each leaves the image when it is in memory: the pages that the kernel gets back are those it gives out next, which
    /// on a full host, or one whose own memory is another's to give, is more than half the time of a restore.
    /// </summary>
    private void Move(MemoryExtent run, int imageDescriptor)
    {
        for (long at = 0; at < run.RawLength; at += MovedBytes)
        {
            long length = Math.Min(MovedBytes, run.RawLength - at);
            Read(run with { Address = run.Address + (ulong)at, Offset = run.Offset + at, RawLength = length }, imageDescriptor);
            // A file system that cannot (EOPNOTSUPP) keeps it.
            if (_punches ??= CanPunch())
                calls.Add(SyscallNumber.fallocate, "a piece of the image that is loaded", (ulong)imageDescriptor, PunchHole, (ulong)(run.Offset + at), (ulong)length);
        }
    }

    /// <summary>Tried on nothing: an empty hole beyond the end.</summary>
    private bool CanPunch()
    {
        using Descriptor image = OpenImage(context);
        return RawSyscall.Try(SyscallNumber.fallocate, image.Number, PunchHole, (nint)context.Image.Length, (nint)PageSize.Bytes) >= 0;
    }

    private void Write(in MemoryExtent run, ProcessMemory memory)
    {
        byte[] buffer = new byte[Math.Min(PieceBytes, run.RawLength)];
        for (long at = 0; at < run.RawLength; at += PieceBytes)
        {
            Span<byte> piece = buffer.AsSpan(0, (int)Math.Min(PieceBytes, run.RawLength - at));
            context.Image.ReadPart(run, at, piece);
            memory.Write(new RemoteAddress(run.Address + (ulong)at), piece);
        }
    }

    /// <summary>Joins extents that follow one another both in memory and in the file, within one mapping.</summary>
    private IEnumerable<MemoryExtent> Merge(IEnumerable<MemoryExtent> extents)
    {
        HashSet<ulong> starts = [.. record.Mappings.Select(m => m.Start)];
        MemoryExtent? open = null;
        foreach (MemoryExtent next in extents)
        {
            if (open is { } run && run.Address + (ulong)run.RawLength == next.Address && run.Offset + run.StoredLength == next.Offset
                && !starts.Contains(next.Address) && run.RawLength + next.RawLength <= MaxRead)
            {
                open = run with { RawLength = run.RawLength + next.RawLength, StoredLength = run.StoredLength + next.StoredLength };
                continue;
            }
            if (open is { } done)
                yield return done;
            open = next;
        }
        if (open is { } last)
            yield return last;
    }
}
