using ProcMigrate.Engine.Freeze;
using ProcMigrate.Engine.Inject;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Save;

/// <summary>
/// The tiles of AMX, which a program must ask the kernel for (Documentation/arch/x86/xstate.rst). A restored one would have asked for
/// nothing: its next tile instruction would kill it. Not carried, as no processor to try it on was at hand.
/// </summary>
internal static class TileRegisters
{
    private const ulong ARCH_GET_XCOMP_PERM = 0x1022;

    /// <summary>The bit of XTILEDATA in XCR0.</summary>
    private const int TileData = 18;

    public static void Report(TracedProcess process, RemoteCalls calls, SaveContext context)
    {
        // All threads have the permission that one of them has asked for.
        if (!calls.MayCall(SyscallNumber.arch_prctl, ARCH_GET_XCOMP_PERM, calls.Scratch.Value))
            return;
        // EINVAL before Linux 5.16, which has no tiles either.
        if (calls.Try(SyscallNumber.arch_prctl, ARCH_GET_XCOMP_PERM, calls.Scratch.Value) != 0 || !Has(calls.ReadScratch<ulong>()))
            return;
        context.Block(new Blocker(
            "TileRegisters", process.Pid, null, "AMX", "the program has asked the kernel for tile registers, which are not carried",
            "start it so that it does not use AMX: libraries have settings for that, such as ONEDNN_MAX_CPU_ISA=AVX512_CORE_BF16"));
    }

    /// <param name="permitted">Components of XSAVE that a process may use.</param>
    public static bool Has(ulong permitted) => (permitted >> TileData & 1) != 0;
}
