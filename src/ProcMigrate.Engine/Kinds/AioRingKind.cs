using System.Runtime.InteropServices;
using System.Text.Json;
using ProcMigrate.Engine.Freeze;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Engine.Save;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.ProcFs;

namespace ProcMigrate.Engine.Kinds;

/// <summary>
/// The ring of an AIO context (io_setup(2)), whose address is the context's name. It is made again at its place, with the
/// results that the program has not fetched yet. Requests under way show nowhere; only that the ring did not move while the tree stood still is looked at.
/// </summary>
internal sealed class AioRingKind : DescriptorKind
{
    public const string KindName = "aio-ring";
    public const string MappingPrefix = "/[aio]";

    private const uint AIO_RING_MAGIC = 0xa10a10a1;

    public override string Name => KindName;

    public override bool Recognises(DescriptorFacts facts) => false;

    public override JsonElement? Capture(DescriptorFacts facts, SaveContext context) => null;

    public static int? Capture(TracedProcess process, MemoryMap map, SaveContext context)
    {
        AioRing ring = process.Memory.Read<AioRing>(map.Start);
        if (ring.magic != AIO_RING_MAGIC)
        {
            context.Block(Busy(process, map, "it is no ring of a known layout"));
            return null;
        }
        context.AtEnd(() =>
        {
            if (process.Memory.Read<AioRing>(map.Start).tail != ring.tail)
                context.Block(Busy(process, map, "a request was under way"));
        });
        var state = new AioRingState(map.Length, ring.head, ring.tail);
        int id = context.Objects.Add(KindName, $"AIO ring {map.Start}", JsonSerializer.SerializeToElement(state, StateJson.Default.AioRingState));
        if (ring.head != ring.tail)
            context.ObjectBytes.Add((id, process.Memory.Read(map.Start, (int)map.Length)));
        return id;
    }

    public static AioRingState StateOf(ObjectRecord record) => RestoreContext.Parse(record, StateJson.Default.AioRingState);

    public override Descriptor Recreate(ObjectRecord record, RestoreContext context) =>
        throw RestoreContext.Damaged($"a descriptor refers to {record.Title}");

    private static Blocker Busy(TracedProcess process, MemoryMap map, string why) => new(
        "AioRing", process.Pid, null, $"{map.Start}-{map.End} {map.Name}", why, "try again when its input and output has come to rest");
}

/// <summary>struct aio_ring (fs/aio.c): the head of the memory that the kernel shares with the program.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct AioRing
{
    public uint id;
    public uint nr;
    public uint head;
    public uint tail;
    public uint magic;
    public uint compat_features;
    public uint incompat_features;
    public uint header_length;
}

/// <summary>Length of the ring's mapping in bytes, and the numbers of the next event to fetch and to write.</summary>
internal sealed record AioRingState(ulong Length, uint Head = 0, uint Tail = 0);
