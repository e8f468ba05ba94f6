using System.Runtime.InteropServices;
using ProcMigrate.Engine.Kinds;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Memory;
using ProcMigrate.Linux.ProcFs;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Restore;

/// <summary>struct iocb (linux/aio_abi.h) of a read; the rest of its 64 bytes stays zero.</summary>
[StructLayout(LayoutKind.Sequential, Size = 64)]
internal struct AioRequest
{
    public ulong aio_data;
    public uint aio_key;
    public int aio_rw_flags;
    public ushort aio_lio_opcode;
    public short aio_reqprio;
    public uint aio_fildes;
    public ulong aio_buf;
    public ulong aio_nbytes;
}

/// <summary>
/// AIO rings of an address space: the kernel chooses where io_setup(2) maps one, and follows when it is moved. Where in the
/// ring it writes next it knows by itself only: so as many requests are made and fetched until it stands where it stood.
/// </summary>
internal sealed class AioRings(CallTable calls, RestorerArea area, RestoreContext context)
{
    private const ulong MREMAP_MAYMOVE_FIXED = 1 | 2;
    private const int EventSize = 32;
    private const ulong EventsPerPage = PageSize.Bytes / EventSize;
    private const uint Batch = 1024;

    // Of the image: the first that is received for the mappings.
    private const uint ReadableDescriptor = 0;
    private readonly List<MappingRecord> _mappings = [];

    public void Add(MappingRecord mapping) => _mappings.Add(mapping);

    public void SetUp()
    {
        foreach (MappingRecord mapping in _mappings)
            SetUp(mapping);
    }

    private void SetUp(MappingRecord mapping)
    {
        ulong length = mapping.End - mapping.Start;
        string what = $"the AIO ring at {mapping.Start:x}";
        // aio_setup_ring in fs/aio.c takes room for twice the requests asked for and two more, behind a head of one event.
        ulong requests = (length / PageSize.Bytes * EventsPerPage - 3) / 2;
        RemoteAddress context = calls.Data(0UL);
        calls.Add(SyscallNumber.io_setup, what, requests, context.Value);
        calls.Run();
        using ProcessMemory memory = ProcessMemory.Open(area.Pid);
        ulong made = memory.Read<ulong>(context);
        MemoryMap? ring = MemoryMap.ReadMaps(area.Pid).Find(m => m.Start.Value == made);
        if (ring?.Length != length)
        {
            throw new EngineException(
                "AioRing", FailureClass.Failed,
                $"{what} had {length} bytes; this kernel makes one of {ring?.Length} for as many requests (it gives every CPU some).");
        }
        Turn(mapping, made, memory, what);
        if (made != mapping.Start)
            calls.Add(SyscallNumber.mremap, what, made, length, length, MREMAP_MAYMOVE_FIXED, mapping.Start, expected: (long)mapping.Start);
        calls.Run();
    }

    /// <summary>Brings a new ring to where the old one stood, and the events into it that wait to be fetched.</summary>
    private void Turn(MappingRecord mapping, ulong ring, ProcessMemory memory, string what)
    {
        ObjectRecord record = context.Object(mapping.ObjectId);
        AioRingState state = AioRingKind.StateOf(record);
        uint size = memory.Read<AioRing>(new RemoteAddress(ring)).nr;
        if (state.Head >= size || state.Tail >= size)
            throw RestoreContext.Damaged($"{what} has {size} events and stands at {state.Head} and {state.Tail}");
        uint waiting = (state.Tail + size - state.Head) % size;
        for (uint done = 0; done < state.Head; done += Batch)
        {
            uint count = Math.Min(Batch, state.Head - done);
            AddRequests(ring, count, what);
            calls.Add(SyscallNumber.io_getevents, what, ring, count, count, calls.Data(new byte[count * EventSize]).Value, expected: count);
            calls.Run();
        }
        for (uint done = 0; done < waiting; done += Batch)
        {
            AddRequests(ring, Math.Min(Batch, waiting - done), what);
            calls.Run();
        }
        if (waiting == 0)
            return;
        // Behind the head, whose fields are this kernel's own.
        byte[] content = context.ContentOf(record.Id, (int)state.Length);
        int head = Marshal.SizeOf<AioRing>();
        memory.Write(new RemoteAddress(ring) + (ulong)head, content.AsSpan(head));
    }

    /// <summary>Reads of one byte each, which are over when io_submit(2) returns.</summary>
    private void AddRequests(ulong ring, uint count, string what)
    {
        RemoteAddress target = calls.Data(0UL);
        RemoteAddress request = calls.Data(new AioRequest { aio_fildes = ReadableDescriptor, aio_buf = target.Value, aio_nbytes = 1 });
        ulong[] pointers = new ulong[count];
        Array.Fill(pointers, request.Value);
        calls.Add(SyscallNumber.io_submit, what, ring, count, calls.Data(MemoryMarshal.AsBytes(pointers.AsSpan())).Value, expected: count);
    }
}
