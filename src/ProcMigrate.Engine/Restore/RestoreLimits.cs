using ProcMigrate.Image.Records;
using ProcMigrate.Linux.Processes;

namespace ProcMigrate.Engine.Restore;

/// <summary>
/// Limits of the restore itself (getrlimit(2)), which the processes in the making inherit until each gets its own. What the caller's shell
/// happens to be limited to by soft limits is not the program's.
/// </summary>
internal static class RestoreLimits
{
    // include/uapi/asm-generic/resource.h. Not the stack's: without a limit the kernel maps the seed bottom up. Open files: OpenFileLimit.
    private const int RLIMIT_CPU = 0, RLIMIT_FSIZE = 1, RLIMIT_DATA = 2, RLIMIT_NPROC = 6, RLIMIT_MEMLOCK = 8, RLIMIT_AS = 9, RLIMIT_SIGPENDING = 11, RLIMIT_MSGQUEUE = 12;

    private const int PROT_WRITE = 2;

    // No address space is larger; and no sum of a damaged image wraps.
    private const ulong Most = 1UL << 47;
    private static readonly int[] Ours = [RLIMIT_CPU, RLIMIT_FSIZE, RLIMIT_DATA, RLIMIT_NPROC, RLIMIT_MEMLOCK, RLIMIT_AS, RLIMIT_SIGPENDING, RLIMIT_MSGQUEUE];

    public static void Raise()
    {
        foreach (int resource in Ours)
        {
            ResourceLimit limit = ResourceLimits.GetOwn(resource);
            if (limit.rlim_cur < limit.rlim_max)
                ResourceLimits.SetOwn(resource, limit with { rlim_cur = limit.rlim_max });
        }
    }

    /// <summary>Reports processes that need more address space than the hard limits leave them.</summary>
    public static void Check(RestoreContext context)
    {
        foreach (ProcessRecord process in context.Tree.Processes)
        {
            Check(RLIMIT_AS, "-v", process, process.Mappings, "of mappings", context);
            Check(RLIMIT_DATA, "-d", process, process.Mappings.Where(IsData), "of private memory", context);
        }
    }

    /// <summary>As is_data_mapping() in mm/internal.h has it: what is private, writable and no stack that grows.</summary>
    private static bool IsData(MappingRecord mapping) =>
        !mapping.Shared && (mapping.Protection & PROT_WRITE) != 0 && !mapping.VmFlags.Contains("gd");

    private static void Check(int resource, string option, ProcessRecord process, IEnumerable<MappingRecord> mappings, string what, RestoreContext context)
    {
        ulong limit = ResourceLimits.GetOwn(resource).rlim_max;
        ulong needed = mappings.Aggregate(0UL, (sum, m) => sum + Math.Min(m.End - m.Start, Most));
        if (needed <= limit)
            return;
        context.Block(new Blocker(
            "MemorySpace", process.Pid, null, $"{needed:N0} bytes {what}", $"the hard limit of this command (ulimit -H {option}) is {limit:N0}",
            "raise the limit as root, or run it from a shell without it"));
    }
}
