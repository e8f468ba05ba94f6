using ProcMigrate.Engine.Kinds;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Checks;

/// <summary>Calls of a restore that an older kernel, or one built otherwise, refuses: made here on this very process, and undone.</summary>
internal static unsafe class KernelCalls
{
    private const int PR_SET_MEMORY_MERGE = 67;
    private const int SIGEV_NONE = 1;
    private const int EventSize = 64;

    /// <summary>prctl(PR_SET_MEMORY_MERGE): Linux 6.4, with CONFIG_KSM.</summary>
    public static bool CanMergeMemory()
    {
        bool done = RawSyscall.Try(SyscallNumber.prctl, PR_SET_MEMORY_MERGE, 1) is >= 0 or -Errno.EPERM;
        RawSyscall.Try(SyscallNumber.prctl, PR_SET_MEMORY_MERGE, 0);
        return done;
    }

    /// <summary>A policy such as SCHED_EXT, Linux 6.12.</summary>
    public static bool HasPolicy(uint policy) => RawSyscall.Try(SyscallNumber.sched_get_priority_max, (nint)policy) >= 0;

    /// <summary>A clock to make timers of: those that wake the machine want a clock device, auxiliary ones Linux 6.17.</summary>
    public static bool HasTimerClock(int clock)
    {
        byte* wanted = stackalloc byte[EventSize];
        new Span<byte>(wanted, EventSize).Clear();
        // struct sigevent: sigev_notify at 12.
        *(int*)(wanted + 12) = SIGEV_NONE;
        int timer = 0;
        long result = RawSyscall.Try(SyscallNumber.timer_create, clock, (nint)wanted, (nint)(&timer));
        if (result >= 0)
            RawSyscall.Call(SyscallNumber.timer_delete, "a timer made for a try", timer);
        return result is >= 0 or -Errno.EPERM;
    }

    /// <summary>Seals such as F_SEAL_EXEC, Linux 6.3: what MFD_NOEXEC_SEAL sets.</summary>
    public static bool HasSeals(int seals)
    {
        using Descriptor file = MemoryFile.Create("seals", MemoryFile.MFD_ALLOW_SEALING);
        return RawSyscall.Try(SyscallNumber.fcntl, file.Number, MemoryFile.F_ADD_SEALS, seals) >= 0;
    }

    public static bool HasHugePages(long bytes) => Directory.Exists($"/sys/kernel/mm/hugepages/hugepages-{bytes / 1024}kB");

    /// <summary>For kinds and aspects, which check what is theirs.</summary>
    public static Blocker Missing(RestoreContext context, int? pid, string feature) => new Blocker(
        "KernelFeature", pid, null, feature, $"the program uses it, and this kernel does not have it; it was saved under {context.Tree.Origin.KernelRelease}",
        "restore on a host with a kernel that has it");

    /// <summary>Memory that has no kind of its own: memfds and anonymous shared memory.</summary>
    public static void CheckMemories(RestoreContext context)
    {
        foreach (ObjectRecord record in context.Tree.Objects.Where(o => o.Kind == SharedMemory.KindName))
        {
            SharedMemoryState state = SharedMemory.StateOf(record);
            if (state.Seals > 0 && !HasSeals(state.Seals))
                context.Block(Missing(context, null, $"the seals {state.Seals:x} of memfd {state.Name} (F_SEAL_EXEC: Linux 6.3)"));
            if (state.HugePageBytes > 0 && !HasHugePages(state.HugePageBytes))
                context.Block(Missing(context, null, $"huge pages of {state.HugePageBytes / 1024} KiB, of memfd {state.Name}"));
        }
    }
}
