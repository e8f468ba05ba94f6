using ProcMigrate.Engine.Freeze;
using ProcMigrate.Engine.Kinds;
using ProcMigrate.Engine.Kinds.Files;
using ProcMigrate.Engine.Memory;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Memory;
using ProcMigrate.Linux.ProcFs;

namespace ProcMigrate.Engine.Save;

/// <summary>Turns the mappings of a process into records; what cannot be mapped again elsewhere is a blocker.</summary>
internal sealed class MappingCollector(TracedProcess process, SaveContext context)
{
    /// <summary>Flags of smaps that stand for memory we cannot make again.</summary>
    private static readonly (string Flag, string Id, string Why, string Remedy)[] BlockingFlags =
    [
        ("um", "UserFaultFd", "its page faults are handled by the program (userfaultfd)", "none is known"),
        ("uw", "UserFaultFd", "its write faults are handled by the program (userfaultfd)", "none is known"),
        ("ui", "UserFaultFd", "its minor faults are handled by the program (userfaultfd)", "none is known"),
        ("sf", "DirectAccess", "it is mapped with MAP_SYNC on persistent memory", "none is known"),
        ("ss", "ShadowStack", "it is a shadow stack", "start it with GLIBC_TUNABLES=glibc.cpu.x86_shstk=off"),
        ("pf", "DeviceMemory", "it maps pages of a device or of the kernel", "let the program close the device"),
        ("io", "DeviceMemory", "it maps the registers of a device", "let the program close the device"),
    ];

    private const int PROT_EXEC = 4;

    public List<MappingRecord> Collect(IReadOnlyList<MemoryMap> maps)
    {
        using PageScanner scanner = PageScanner.Open(process.Pid);
        var records = new List<MappingRecord>(maps.Count);
        foreach (MemoryMap map in maps)
        {
            if (map.Name == "[vsyscall]")
                continue;
            if (Describe(map) is { } record)
                records.Add(record with { Guards = Guards(map, scanner) });
        }
        return records;
    }

    private MappingRecord? Describe(MemoryMap map)
    {
        MappingRecord record = new()
        {
            Start = map.Start.Value,
            End = map.End.Value,
            Protection = map.Protection,
            Shared = map.Shared,
            Backing = MappingBacking.Anonymous,
            Name = map.HasFile || map.Name.Length == 0 ? null : map.Name,
            VmFlags = map.VmFlags,
            ProtectionKey = map.ProtectionKey,
        };
        if (map.Name == "[vdso]")
            return record with { Backing = MappingBacking.Vdso };
        if (map.Name is "[vvar]" or "[vvar_vclock]")
            return record with { Backing = MappingBacking.Vvar };
        if (Blocking(map) is { } blocker)
        {
            context.Block(blocker);
            return null;
        }
        if (IsPrivateHuge(map))
            return record with { HugePageBytes = map.KernelPageBytes };
        if (!map.HasFile && map.Name != SharedMemory.SharedAnonymous)
            return record;
        return ObjectOf(map) is { } objectId
            ? record with { Backing = MappingBacking.Object, ObjectId = objectId, ObjectOffset = map.Offset }
            : null;
    }

    /// <summary>Anonymous to the program, a deleted file to the kernel.</summary>
    private static bool IsPrivateHuge(MemoryMap map) =>
        map.HasFlag("ht") && !map.Shared && map.Name.StartsWith("/anon_hugepage", StringComparison.Ordinal);

    private Blocker? Blocking(MemoryMap map)
    {
        string what = $"{map.Start}-{map.End} {map.Name}".TrimEnd();
        foreach ((string flag, string id, string why, string remedy) in BlockingFlags)
        {
            if (map.HasFlag(flag))
                return new Blocker(id, process.Pid, null, what, why, remedy);
        }
        if (map.Name.StartsWith("/secretmem", StringComparison.Ordinal))
            return new Blocker("SecretMemory", process.Pid, null, what, "nobody but the program can read this memory, by design", "none is known");
        if (map.HasFlag("ht") && !IsPrivateHuge(map) && map.Name != SharedMemory.SharedHuge && !map.Name.StartsWith(SharedMemory.MemfdPrefix, StringComparison.Ordinal))
            return new Blocker("HugePages", process.Pid, null, what, "files of hugetlbfs are not carried", "let the program use transparent huge pages, or memfd_create with MFD_HUGETLB");
        if (map.Name.StartsWith("socket:[", StringComparison.Ordinal))
        {
            return new Blocker(
                "PacketRing", process.Pid, null, what, "the program shares this memory of a socket with the kernel, and where the kernel stands in it shows nowhere",
                "let the program close the socket; tcpdump and libpcap use such rings");
        }
        if (map.Name.StartsWith("anon_inode:", StringComparison.Ordinal))
            return new Blocker("UnknownMapping", process.Pid, null, what, "memory of this kernel object is not carried yet", "let the program unmap it");
        return null;
    }

    /// <summary>The file or shared memory behind a mapping, opened or asked through /proc/PID/map_files.</summary>
    private int? ObjectOf(MemoryMap map)
    {
        string reach = $"/proc/{process.Pid}/map_files/{map.Start.Value:x}-{map.End.Value:x}";
        if (map.Name.StartsWith(SysvMemoryKind.MappingPrefix, StringComparison.Ordinal) && map.Shared)
            return SysvMemoryKind.Capture(process, map, reach, context);
        if (map.Name.StartsWith(AioRingKind.MappingPrefix, StringComparison.Ordinal))
            return AioRingKind.Capture(process, map, context);
        FileStatus status;
        try
        {
            status = FileStatus.OfPath(reach);
        }
        catch (LinuxException e) when (e.Errno is Errno.EPERM or Errno.EACCES)
        {
            if (IsSharedMemory(map))
                return MappedOnlyMemory.Capture(process, map, context);
            // map_files wants CAP_CHECKPOINT_RESTORE; a file with a path can be told by inode and device all the same.
            if (FileStatus.TryOfPath(map.Name) is not { } byPath || byPath.Inode != map.Inode)
            {
                context.Block(new Blocker(
                    "MappedFileUnreadable", process.Pid, null, $"{map.Start}-{map.End} {map.Name}", e.Message,
                    "save as root, or with the capability CAP_CHECKPOINT_RESTORE"));
                return null;
            }
            status = byPath;
        }
        catch (LinuxException e) when (DeadFileSystem.Is(e))
        {
            context.Block(DeadFileSystem.Blocker(process.Pid, null, map.Name, e));
            return null;
        }
        if (IsSharedMemory(map))
            return SharedMemory.Capture(map.Name, status, reach, process.Pid, null, context);
        return MappedFile(map, status, reach);
    }

    private static bool IsSharedMemory(MemoryMap map) =>
        map.Name.StartsWith(SharedMemory.MemfdPrefix, StringComparison.Ordinal) || map.Name is SharedMemory.SharedAnonymous or SharedMemory.SharedHuge;

    private int? MappedFile(MemoryMap map, FileStatus status, string reach)
    {
        // A shared mapping that may be made writable ("mw") needs a descriptor open for writing.
        OpenFlags flags = map.Shared && map.HasFlag("mw") ? OpenFlags.O_RDWR : OpenFlags.O_RDONLY;
        if (status.Type == FileType.CharacterDevice && !MemoryDeviceKind.Is(status))
        {
            context.Block(new Blocker(
                "Device", process.Pid, null, $"{map.Start}-{map.End} {map.Name}, driver {DeviceDrivers.NameOf(status)}",
                "memory of a device stays in its machine", "let the program close the device"));
            return null;
        }
        if ((map.Protection & PROT_EXEC) != 0 && map.Name.StartsWith('/'))
            ExecutedFiles.NoteMapped(map.Name, status, context);
        string kind = status.Type == FileType.CharacterDevice ? "memory-device" : "file";
        return FilePaths.Capture(map.Name, status, flags, 0, reach, process.Pid, null, context) is { } state
            ? context.Objects.GetOrAdd($"{kind} {flags} {status.Inode} {map.Name}", table => table.Add(kind, map.Name, state.ToJson()))
            : null;
    }

    private static List<AddressRange> Guards(MemoryMap map, PageScanner scanner)
    {
        // Only mappings of a thread that ever used MADV_GUARD_INSTALL have such pages; the scan is needed to know.
        if (map.Name is "[vdso]" or "[vvar]" or "[vvar_vclock]")
            return [];
        return [.. scanner.Scan(map.Start, map.End)
            .Where(r => (r.Categories & PageCategory.Guard) != 0)
            .Select(r => new AddressRange(r.Start.Value, r.End.Value))];
    }
}
