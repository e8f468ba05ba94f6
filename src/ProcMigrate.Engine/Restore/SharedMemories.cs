using ProcMigrate.Engine.Kinds;
using ProcMigrate.Image;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Restore;

/// <summary>Shared memory of the tree, made and filled at its first use.</summary>
internal sealed class SharedMemories(RestoreContext context) : IDisposable
{
    private const int PieceBytes = 1 << 20;
    private readonly HashSet<int> _taken = [];
    private readonly Dictionary<int, (Descriptor File, SharedMemoryState State)> _memories = [];

    /// <summary>A descriptor, open for reading and writing, that stays ours.</summary>
    public Descriptor Open(int objectId)
    {
        if (_memories.TryGetValue(objectId, out var known))
            return known.File;
        ObjectRecord record = context.Object(objectId);
        if (record.Kind != SharedMemory.KindName)
            throw RestoreContext.Damaged($"object {objectId} is no shared memory");
        SharedMemoryState state = SharedMemory.StateOf(record);
        Descriptor file = state.Name is null ? CreateAnonymous(state) : CreateMemfd(state);
        _memories[objectId] = (file, state);
        if (state.HugePageBytes > 0)
            FillMapped(file, objectId, state.Size);
        else
            Fill(file, objectId, context);
        return file;
    }

    /// <summary>True once for each object: whose open file may be ours itself.</summary>
    public bool TakeFirst(int objectId) => _taken.Add(objectId);

    /// <summary>Seals come last: some forbid the writing and mapping that restoring is.</summary>
    public void Seal()
    {
        foreach ((Descriptor file, SharedMemoryState state) in _memories.Values)
        {
            const int F_SEAL_SEAL = 1;
            if (state.Seals > 0 && (state.Seals & ~F_SEAL_SEAL | F_SEAL_SEAL) != MemoryFile.GetSeals(file))
                MemoryFile.AddSeals(file, state.Seals);
        }
    }

    private Descriptor CreateMemfd(SharedMemoryState state)
    {
        const int F_SEAL_SEAL = 1;
        // A memfd made without MFD_ALLOW_SEALING bears F_SEAL_SEAL from the start, and so does its successor.
        int huge = state.HugePageBytes == 0 ? 0 : MemoryFile.MFD_HUGETLB | (int)long.Log2(state.HugePageBytes) << MemoryFile.MFD_HUGE_SHIFT;
        Descriptor file = MemoryFile.Create(state.Name!, huge | ((state.Seals & F_SEAL_SEAL) == 0 || state.Seals > 1 ? MemoryFile.MFD_ALLOW_SEALING : 0));
        FileCalls.SetLength(file, state.Size);
        context.Rights.Give(file, $"memfd:{state.Name}", null, null, state.Mode);
        return file;
    }

    /// <summary>
    /// The very thing that mmap(MAP_SHARED | MAP_ANONYMOUS) makes, taken hold of through /proc/self/map_files. Where that is
    /// not permitted, a memfd: the same to the program but for the name in /proc/PID/maps.
    /// </summary>
    private Descriptor CreateAnonymous(SharedMemoryState state)
    {
        const int PROT_READ_WRITE = 3, MAP_SHARED_ANONYMOUS = 0x21, MAP_NORESERVE = 0x4000, MAP_HUGETLB = 0x40000;
        long size = state.Size;
        int huge = state.HugePageBytes == 0 ? 0 : MAP_HUGETLB | (int)long.Log2(state.HugePageBytes) << MemoryFile.MFD_HUGE_SHIFT;
        long address = RawSyscall.Call(
            SyscallNumber.mmap, $"{size} bytes of shared memory", 0, (nint)size, PROT_READ_WRITE, MAP_SHARED_ANONYMOUS | MAP_NORESERVE | huge, -1);
        try
        {
            return FileCalls.Open($"/proc/self/map_files/{address:x}-{address + (long)PageSize.RoundUp((ulong)size):x}", OpenFlags.O_RDWR);
        }
        catch (LinuxException e) when (e.Errno is Errno.EPERM or Errno.EACCES)
        {
            return CreateMemfd(state with { Name = "dev/zero" });
        }
        finally
        {
            RawSyscall.Call(SyscallNumber.munmap, "shared memory", (nint)address, (nint)size);
        }
    }

    /// <summary>Huge pages cannot be written by write(2), only through a mapping.</summary>
    private void FillMapped(Descriptor file, int objectId, long size)
    {
        const int PROT_READ_WRITE = 3, MAP_SHARED = 1;
        if (size == 0)
            return;
        long address = RawSyscall.Call(
            SyscallNumber.mmap, $"{size} bytes of huge pages", 0, (nint)size, PROT_READ_WRITE, MAP_SHARED, file.Number);
        try
        {
            FillMapped((nint)address, objectId, size);
        }
        finally
        {
            RawSyscall.Call(SyscallNumber.munmap, "huge pages", (nint)address, (nint)size);
        }
    }

    /// <summary>Fills memory that is mapped here and all zero.</summary>
    public unsafe void FillMapped(nint address, int objectId, long size)
    {
        foreach (MemoryExtent extent in context.Image.DataOf(objectId))
        {
            if ((long)extent.Address + extent.RawLength > size)
                throw RestoreContext.Damaged($"object {objectId} is longer than it says");
            for (long at = 0; at < extent.RawLength; at += PieceBytes)
            {
                context.Cancel.ThrowIfCancellationRequested();
                var piece = new Span<byte>((byte*)address + (long)extent.Address + at, (int)Math.Min(PieceBytes, extent.RawLength - at));
                context.Image.ReadPart(extent, at, piece);
            }
        }
    }

    /// <summary>Writes what the image has of an object; the rest stays holes.</summary>
    public static void Fill(Descriptor file, int objectId, RestoreContext context)
    {
        byte[] buffer = new byte[PieceBytes];
        foreach (MemoryExtent extent in context.Image.DataOf(objectId))
        {
            for (long at = 0; at < extent.RawLength; at += PieceBytes)
            {
                context.Cancel.ThrowIfCancellationRequested();
                Span<byte> piece = buffer.AsSpan(0, (int)Math.Min(PieceBytes, extent.RawLength - at));
                context.Image.ReadPart(extent, at, piece);
                FileCalls.WriteAt(file, piece, (long)extent.Address + at);
            }
        }
    }

    public void Dispose()
    {
        foreach ((Descriptor file, _) in _memories.Values)
            file.Dispose();
    }
}
