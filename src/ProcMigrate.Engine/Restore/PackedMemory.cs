using System.Runtime.ExceptionServices;
using ProcMigrate.Image;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Memory;

namespace ProcMigrate.Engine.Restore;

/// <summary>Memory that lies in the image in LZ4 blocks: unpacked and written from outside, by several threads.</summary>
/// <param name="inherited">Pages that the process was born with.</param>
internal sealed class PackedMemory(ProcessRecord record, ImageReader image, IReadOnlyList<AddressRange> inherited)
{
    private const int MaxThreads = 4;
    private const int BlocksWorthAThread = 8;

    /// <summary>Whether there was any.</summary>
    public bool Any { get; private set; }

    public void Load(IReadOnlyList<MemoryExtent> extents, ProcessMemory memory, Action<long> loaded)
    {
        var blocks = new List<MemoryExtent>();
        foreach (MemoryExtent extent in extents)
        {
            if (extent.Codec != ExtentCodec.None && !IsVdso(extent.Address))
                blocks.Add(extent);
            Any |= extent.Codec != ExtentCodec.None;
        }
        int next = -1;
        ExceptionDispatchInfo? failure = null;
        void Work()
        {
            byte[] buffer = [];
            try
            {
                for (int i; failure is null && (i = Interlocked.Increment(ref next)) < blocks.Count;)
                {
                    if (buffer.Length < blocks[i].RawLength)
                        buffer = new byte[blocks[i].RawLength];
                    image.Read(blocks[i], buffer);
                    Write(blocks[i], buffer, memory);
                    lock (blocks)
                        loaded(blocks[i].RawLength);
                }
            }
            catch (Exception e)
            {
                Interlocked.CompareExchange(ref failure, ExceptionDispatchInfo.Capture(e), null);
            }
        }
        var helpers = new List<Thread>();
        for (int i = 1; i < Math.Min(Math.Min(MaxThreads, Environment.ProcessorCount), blocks.Count / BlocksWorthAThread); i++)
            helpers.Add(new Thread(Work) { Name = "unpack" });
        helpers.ForEach(t => t.Start());
        Work();
        helpers.ForEach(t => t.Join());
        failure?.Throw();
    }

    private void Write(in MemoryExtent block, byte[] bytes, ProcessMemory memory)
    {
        foreach (AddressRange range in AddressRanges.Outside(inherited, block.Address, block.Address + (ulong)block.RawLength))
            memory.Write(new RemoteAddress(range.Start), bytes.AsSpan((int)(range.Start - block.Address), (int)(range.End - range.Start)));
    }

    private bool IsVdso(ulong address)
    {
        foreach (MappingRecord mapping in record.Mappings)
        {
            if (mapping.Backing == MappingBacking.Vdso && address >= mapping.Start && address < mapping.End)
                return true;
        }
        return false;
    }
}
