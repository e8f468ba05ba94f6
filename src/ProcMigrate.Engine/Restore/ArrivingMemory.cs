using ProcMigrate.Engine.Kinds;
using ProcMigrate.Image;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Memory;

namespace ProcMigrate.Engine.Restore;

/// <summary>
/// Fills the memory of a process while its image is on its way here, so that nothing is left to be loaded when the last byte has come, and
/// no page is here twice. What a hostile sender could say of it, nobody believes: a page goes nowhere but into a mapping, and in the
/// end the pages taken must be those of the image, each from its place in it.
/// </summary>
internal sealed class ArrivingMemory(ProcessRecord record, RestoreContext context)
{
    private const int PROT_WRITE = 2;

    // What follows one another in memory and in the image is one: some for each range of memory, not one for each frame.
    private readonly List<Stretch> _taken = [];

    private readonly record struct Stretch(ulong Address, long Offset, long Length);

    /// <summary>
    /// One process, for pages that several have in common are found by comparing all; and no file to map that would have to be in the image.
    /// </summary>
    public static bool Suits(RestoreContext context)
    {
        if (context.Tree.Processes.Count != 1 || context.Bundle.Count > 0)
            return false;
        ProcessRecord process = context.Tree.Processes[0];
        return IsFileHere(process.ExecutableObject)
            && process.Mappings.All(m => m.Backing != MappingBacking.Object || IsFileHere(m.ObjectId));
        bool IsFileHere(int objectId) => context.Object(objectId).Kind == RegularFileKind.KindName;
    }

    public void Load(ArrivingImage image, Action<long> loaded)
    {
        using ProcessMemory memory = ProcessMemory.Open(record.Pid);
        string path = image.Receive((pid, address, offset, pages) =>
        {
            if (pid != record.Pid || MappingAt(address) is not { } mapping)
                return false;
            Write(memory, mapping, address, pages);
            Append(_taken, new Stretch(address, offset, pages.Length));
            loaded(pages.Length);
            return true;
        });
        context.Arrived(ImageReader.Open(path));
        RequireAllTaken();
    }

    /// <param name="mapping">All the pages lie in it, as all extents of an image do.</param>
    private void Write(ProcessMemory memory, MappingRecord mapping, ulong address, ReadOnlySpan<byte> pages)
    {
        if ((ulong)pages.Length > mapping.End - address)
            throw RestoreContext.Damaged($"{pages.Length} bytes of memory at {address:x} reach beyond the end of the mapping");
        if ((mapping.Protection & PROT_WRITE) != 0)
            ProcessMemory.WriteFast(record.Pid, new RemoteAddress(address), pages);
        else
            memory.Write(new RemoteAddress(address), pages);
    }

    /// <summary>The mapping that memory at an address is to be loaded into; null where there is none, or it is the kernel's.</summary>
    private MappingRecord? MappingAt(ulong address)
    {
        int low = 0, high = record.Mappings.Count;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (record.Mappings[middle].End <= address)
                low = middle + 1;
            else
                high = middle;
        }
        return low < record.Mappings.Count && record.Mappings[low] is var at && at.Start <= address && at.Backing != MappingBacking.Vdso ? at : null;
    }

    private static void Append(List<Stretch> stretches, Stretch next)
    {
        if (stretches.Count > 0 && stretches[^1] is var last && last.Address + (ulong)last.Length == next.Address && last.Offset + last.Length == next.Offset)
            stretches[^1] = last with { Length = last.Length + next.Length };
        else
            stretches.Add(next);
    }

    private void RequireAllTaken()
    {
        var stored = new List<Stretch>();
        foreach (MemoryExtent extent in context.Image.MemoryOf(record.Pid))
        {
            if (MappingAt(extent.Address) is not null)
                stored.Add(new Stretch(extent.Address, extent.Offset, extent.StoredLength));
        }
        if (!Joined(stored).SequenceEqual(Joined(_taken)))
            throw RestoreContext.Damaged("what came of the memory is not what the image says of it");
    }

    private static List<Stretch> Joined(List<Stretch> stretches)
    {
        var joined = new List<Stretch>();
        foreach (Stretch next in stretches.OrderBy(s => s.Address))
            Append(joined, next);
        return joined;
    }
}
