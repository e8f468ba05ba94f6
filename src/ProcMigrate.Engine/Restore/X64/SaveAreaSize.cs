using System.Runtime.Intrinsics.X86;
using ProcMigrate.Image.Records;

namespace ProcMigrate.Engine.Restore.X64;

/// <summary>How large the area is that XSAVE and XSAVEC fill, for the state components of a processor.</summary>
/// <param name="xcr0">Components that the kernel has enabled.</param>
/// <param name="layout">Their places in the standard format.</param>
/// <param name="isAligned">Whether a component begins at a multiple of 64 in the compact format.</param>
internal sealed class SaveAreaSize(ulong xcr0, IReadOnlyList<XsaveComponentRecord> layout, Func<int, bool> isAligned)
{
    private const int XsaveLeaf = 0xd;
    private const int AlignedFlag = 2;
    private const int LegacyAndHeader = 576;
    private const int Alignment = 64;

    // RDI, RSI and RBX, which _dl_tlsdesc_dynamic keeps below the old stack pointer.
    private const int RedZone = 24;

    public static SaveAreaSize Of(CpuRecord here) => new(here.Xcr0, here.XsaveLayout, bit => (X86Base.CpuId(XsaveLeaf, bit).Ecx & AlignedFlag) != 0);

    /// <summary>The room that a place needs here, as glibc reckons it (update_active in sysdeps/x86/cpu-features.c).</summary>
    public ulong Room(SaveSite site)
    {
        int area = site.Compact ? Compact(site.Mask) : Standard(site.Mask);
        return (ulong)RoundUp(site.Displacement + area + (site.InRedZone ? RedZone : 0));
    }

    private int Standard(uint mask)
    {
        int end = LegacyAndHeader;
        foreach (XsaveComponentRecord component in Saved(mask))
            end = Math.Max(end, component.Offset + component.Size);
        return end;
    }

    private int Compact(uint mask)
    {
        int end = LegacyAndHeader;
        foreach (XsaveComponentRecord component in Saved(mask).OrderBy(c => c.Bit))
            end = (isAligned(component.Bit) ? RoundUp(end) : end) + component.Size;
        return end;
    }

    private IEnumerable<XsaveComponentRecord> Saved(uint mask) => layout.Where(c => c.Bit < 32 && ((mask & xcr0) >> c.Bit & 1) != 0);

    private static int RoundUp(int length) => (length + Alignment - 1) & -Alignment;
}
