using ProcMigrate.Engine.Host;
using ProcMigrate.Engine.Namespaces;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Processes;
using ProcMigrate.Linux.ProcFs;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Restore.Locked;

/// <summary>
/// Memory of a process that is locked (mlock(2)). The kernel marks a mapping first and brings its pages in then, up to the first that it
/// cannot: one that may not be read, lies behind the end of its file, or is guarded. It answers ENOMEM, and the mapping is locked all the
/// same, as the program's own was. Whether that or a limit was the reason only the mapping itself tells.
/// </summary>
internal sealed class LockedMemory(ProcessRecord record, CallTable calls, RestoreContext context)
{
    private const ulong MLOCK_ONFAULT = 1;
    private const string LockedFlag = "lo";

    // No address space is larger; and no sum of a damaged image wraps.
    private const ulong Most = 1UL << 47;

    private static IEnumerable<MappingRecord> Of(ProcessRecord process) => process.Mappings.Where(m => m.VmFlags.Contains(LockedFlag));

    /// <summary>Whether we may lock as much as each process had locked.</summary>
    public static void Check(RestoreContext context)
    {
        // The kernel asks for the capability in the first user namespace (capable() in mm/mlock.c).
        if (Privileges.Has(Capability.CAP_IPC_LOCK) && !UserNamespace.IsOwn)
            return;
        ulong limit = ResourceLimits.GetOwn(ResourceLimits.RLIMIT_MEMLOCK).rlim_max;
        foreach (ProcessRecord process in context.Tree.Processes)
        {
            ulong locked = Of(process).Aggregate(0UL, (sum, m) => sum + Math.Min(m.End - m.Start, Most));
            if (locked <= limit)
                continue;
            context.Block(new Blocker(
                "LockLimit", process.Pid, null, $"{locked / 1024} KiB of locked memory", $"this user may lock {limit / 1024} KiB (RLIMIT_MEMLOCK)",
                "raise the limit ('ulimit -l', LimitMEMLOCK= of a service), or restore as root or with CAP_IPC_LOCK"));
        }
    }

    public void Lock()
    {
        List<MappingRecord> locked = [.. Of(record)];
        var doubtful = new List<MappingRecord>();
        bool complete = true;
        foreach (MappingRecord m in locked)
        {
            ulong flags = m.VmFlags.Contains("lf") ? MLOCK_ONFAULT : 0;
            bool Failed(int errno)
            {
                doubtful.Add(m);
                complete &= errno != Errno.EAGAIN;
                return errno is Errno.ENOMEM or Errno.EAGAIN;
            }
            calls.Add(SyscallNumber.mlock2, $"locking {Name(m)}", m.Start, m.End - m.Start, flags, failed: Failed);
            // What is behind a guard is brought in by itself.
            foreach (AddressRange range in m.Guards.Count == 0 ? [] : AddressRanges.Outside(m.Guards, m.Start, m.End))
                calls.Add(SyscallNumber.mlock2, $"locking {Name(m)}", range.Start, range.End - range.Start, flags, failed: Failed);
        }
        calls.Run();
        if (doubtful.Count > 0)
            InsistOnMarks(doubtful);
        if (!complete)
            context.Warnings.Add($"process {record.Pid}: there is not enough memory here to bring in all that it has locked; what is missing comes when it is used");
    }

    private void InsistOnMarks(List<MappingRecord> doubtful)
    {
        List<MemoryMap> maps = MemoryMap.ReadSmaps(record.Pid).FindAll(m => m.HasFlag(LockedFlag));
        foreach (MappingRecord wanted in doubtful)
        {
            if (AddressRanges.Outside([.. maps.Select(m => new AddressRange(m.Start.Value, m.End.Value))], wanted.Start, wanted.End).Any())
                throw new LinuxException(nameof(SyscallNumber.mlock2), $"locking {Name(wanted)}", Errno.ENOMEM);
        }
    }

    private static string Name(MappingRecord m) => $"{m.Start:x}-{m.End:x}";
}
