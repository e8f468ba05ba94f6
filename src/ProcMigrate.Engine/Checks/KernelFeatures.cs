using ProcMigrate.Engine.Restore;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Checks;

/// <summary>
/// What the tree uses of its old kernel and this one must have: each tried on this very process, or looked up where the kernel tells, before
/// anything is made. Kinds of descriptors check for themselves.
/// </summary>
internal sealed class KernelFeatures(RestoreContext context)
{
    private const int PROT_READ_WRITE = 3;
    private const int MAP_PRIVATE_ANONYMOUS = 0x22;
    private const int DroppableAnonymous = 0x28;
    private const int MADV_GUARD_INSTALL = 102;
    private const int PR_SET_THP_DISABLE = 41;
    private const int PR_GET_THP_DISABLE = 42;
    private const int FirstRseqSize = 32;
    private const int AT_RSEQ_FEATURE_SIZE = 27;
    private const ulong EndOfFourLevels = 0x7fff_ffff_f000;

    private readonly HashSet<string> _told = [];

    public static void Check(RestoreContext context)
    {
        var features = new KernelFeatures(context);
        KernelCalls.CheckMemories(context);
        foreach (ProcessRecord process in context.Tree.Processes)
        {
            features.CheckSettings(process);
            foreach (MappingRecord mapping in process.Mappings)
                features.CheckMapping(process, mapping);
            foreach (ThreadRecord thread in process.Threads)
                features.CheckThread(process, thread);
        }
    }

    private void CheckMapping(ProcessRecord process, MappingRecord mapping)
    {
        foreach ((string flag, ulong advice) in AddressSpace.Advices)
        {
            if (mapping.VmFlags.Contains(flag))
                Need(process, $"madvise({advice}) as of memory at {mapping.Start:x}", () => TryMemory(MAP_PRIVATE_ANONYMOUS, (int)advice));
        }
        if (mapping.VmFlags.Contains("dp"))
            Need(process, "memory that may be dropped (MAP_DROPPABLE, Linux 6.11)", () => TryMemory(DroppableAnonymous, 0));
        if (mapping.VmFlags.Contains("sl"))
            Need(process, "sealed memory (mseal, Linux 6.10)", () => RawSyscall.Try(SyscallNumber.mseal, 0, 0) != -Errno.ENOSYS);
        if (mapping.Guards.Count > 0)
            Need(process, "guard pages (MADV_GUARD_INSTALL, Linux 6.13)", () => TryMemory(MAP_PRIVATE_ANONYMOUS, MADV_GUARD_INSTALL));
        if (MemoryNames.Of(mapping) is not null && !MemoryNames.AreKnown(mapping))
            context.WarnOnce($"this kernel gives no names to {(mapping.Shared ? "shared" : "private")} memory: those of the program are lost");
        if (mapping.HugePageBytes > 0)
            Need(process, $"huge pages of {mapping.HugePageBytes / 1024} KiB", () => KernelCalls.HasHugePages(mapping.HugePageBytes));
        if (mapping.End > EndOfFourLevels && mapping.Backing != MappingBacking.Vdso)
            Need(process, "addresses of more than 47 bits (five-level page tables)", () => TryFarAddress(mapping.Start));
    }

    private void CheckThread(ProcessRecord process, ThreadRecord thread)
    {
        Need(process, $"scheduling policy {thread.Scheduling.Policy} (SCHED_EXT: Linux 6.12)", () => KernelCalls.HasPolicy(thread.Scheduling.Policy));
        if (thread.Rseq is not { } rseq)
            return;
        Need(process, "restartable sequences (CONFIG_RSEQ)", () => RawSyscall.Try(SyscallNumber.rseq) != -Errno.ENOSYS);
        if (rseq.Size > FirstRseqSize)
            Need(process, $"an rseq area of {rseq.Size} bytes (Linux 6.3)", HasLongRseq);
    }

    private void CheckSettings(ProcessRecord process)
    {
        for (int bit = 0; bit < 32; bit++)
        {
            int command = 1 << bit;
            if ((process.MembarrierRegistrations & command) != 0)
                Need(process, $"membarrier command {command}", () => (RawSyscall.Try(SyscallNumber.membarrier, 0) & command) != 0);
        }
        if (process.TransparentHugePagesFlags != 0)
            Need(process, $"PR_SET_THP_DISABLE with flags {process.TransparentHugePagesFlags} (Linux 6.18)", () => TryHugePageFlags(process.TransparentHugePagesFlags));
    }

    /// <summary>Told once, with the first process that needs it.</summary>
    private void Need(ProcessRecord process, string feature, Func<bool> isThere)
    {
        string kind = feature.Split(" as of ")[0];
        if (!_told.Add(kind) || isThere())
            return;
        context.Block(KernelCalls.Missing(context, process.Pid, feature));
    }

    private static bool TryMemory(int flags, int advice)
    {
        long page = RawSyscall.Try(SyscallNumber.mmap, 0, PageSize.Bytes, PROT_READ_WRITE, flags, -1, 0);
        if (page is < 0 and > -PageSize.Bytes)
            return false;
        bool done = advice == 0 || RawSyscall.Try(SyscallNumber.madvise, (nint)page, PageSize.Bytes, advice) >= 0;
        RawSyscall.Try(SyscallNumber.munmap, (nint)page, PageSize.Bytes);
        return done;
    }

    private static bool TryFarAddress(ulong address)
    {
        const int MAP_FIXED_NOREPLACE = 0x100000;
        long page = RawSyscall.Try(SyscallNumber.mmap, (nint)address, PageSize.Bytes, PROT_READ_WRITE, MAP_PRIVATE_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
        if (page == (long)address)
            RawSyscall.Try(SyscallNumber.munmap, (nint)page, PageSize.Bytes);
        return page == (long)address || page == -Errno.EEXIST;
    }

    /// <summary>The kernel tells every program the size of the area that it fills, since it can be another than at first.</summary>
    private static bool HasLongRseq()
    {
        byte[] vector = File.ReadAllBytes("/proc/self/auxv");
        for (int at = 0; at + 16 <= vector.Length; at += 16)
        {
            if (BitConverter.ToInt64(vector, at) == AT_RSEQ_FEATURE_SIZE)
                return true;
        }
        return false;
    }

    private static bool TryHugePageFlags(int flags)
    {
        long now = RawSyscall.Try(SyscallNumber.prctl, PR_GET_THP_DISABLE);
        bool done = RawSyscall.Try(SyscallNumber.prctl, PR_SET_THP_DISABLE, 1, flags) >= 0;
        RawSyscall.Try(SyscallNumber.prctl, PR_SET_THP_DISABLE, now == 0 ? 0 : 1, (nint)(now & ~1));
        return done;
    }
}
