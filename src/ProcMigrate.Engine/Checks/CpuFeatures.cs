using System.Runtime.Intrinsics.X86;

namespace ProcMigrate.Engine.Checks;

/// <summary>
/// Instructions that a program may have chosen by CPUID, under the names of /proc/cpuinfo. They are read from the processor, as its libc
/// reads them: which names the kernel shows depends on its age. Not among them is what only kernels use, and what a program must ask the
/// kernel for (protection keys, shadow stacks).
/// </summary>
internal static class CpuFeatures
{
    private const int Eax = 0;
    private const int Ebx = 1;
    private const int Ecx = 2;
    private const int Edx = 3;
    private const ulong AvxState = 0x6;
    private const ulong Avx512State = 0xe0;
    private const ulong TileState = 0x60000;

    /// <summary>CPUID leaf, subleaf and register; the names of its bits from the lowest on, "-" for those that do not matter.</summary>
    private static readonly (uint Leaf, int Subleaf, int Register, string Names)[] Words =
    [
        (0x1, 0, Ecx, "pni pclmulqdq - - - - - - - ssse3 - - fma cx16 - - - - - sse4_1 sse4_2 - movbe popcnt - aes xsave - avx f16c rdrand"),
        (0x1, 0, Edx, "fpu - - - - - - - cx8 - - - - - - cmov - - - clflush - - - mmx fxsr sse sse2"),
        (0x7, 0, Ebx, "fsgsbase - - bmi1 hle avx2 - - bmi2 erms - rtm - - - - avx512f avx512dq rdseed adx - avx512ifma - clflushopt clwb - avx512pf avx512er avx512cd sha_ni avx512bw avx512vl"),
        (0x7, 0, Ecx, "- avx512vbmi - - - waitpkg avx512_vbmi2 - gfni vaes vpclmulqdq avx512_vnni avx512_bitalg - avx512_vpopcntdq - - - - - - - rdpid - - cldemote - movdiri movdir64b enqcmd"),
        (0x7, 0, Edx, "- - avx512_4vnniw avx512_4fmaps fsrm - - - avx512_vp2intersect - - - - - serialize - tsxldtrk - - - - - amx_bf16 avx512_fp16 amx_tile amx_int8"),
        (0x7, 1, Eax, "sha512 sm3 sm4 - avx_vnni avx512_bf16 - cmpccxadd - - fzrm fsrs fsrc - - - - - - - - amx_fp16 - avx_ifma"),
        (0x7, 1, Edx, "- - - - avx_vnni_int8 avx_ne_convert - - amx_complex - avx_vnni_int16 - - - - - - - - avx10 - apx_f"),
        (0xd, 1, Eax, "xsaveopt xsavec xgetbv1"),
        (0x80000001, 0, Ecx, "lahf_lm - - - - abm sse4a misalignsse 3dnowprefetch - - xop - - - lwp fma4 - - - - tbm - - - - - - - mwaitx"),
        (0x80000001, 0, Edx, "- - - - - - - - - - - - - - - - - - - - - - mmxext - - - - rdtscp - - 3dnowext 3dnow"),
        (0x80000008, 0, Ebx, "clzero - - - rdpru"),
    ];

    /// <param name="xcr0">What the kernel lets programs use: vector instructions without their registers are none.</param>
    public static List<string> Read(ulong xcr0)
    {
        var found = new List<string>();
        foreach ((uint leaf, int subleaf, int register, string names) in Words)
        {
            uint value = Word(leaf, subleaf, register);
            foreach (string name in names.Split(' '))
            {
                if ((value & 1) != 0 && name != "-" && IsUsable(name, xcr0))
                    found.Add(name);
                value >>= 1;
            }
        }
        return found;
    }

    public static bool ProgramsMayUse(string feature)
    {
        foreach ((_, _, _, string names) in Words)
        {
            if (Array.IndexOf(names.Split(' '), feature) >= 0)
                return true;
        }
        return false;
    }

    private static bool IsUsable(string name, ulong xcr0)
    {
        ulong needed = name.StartsWith("avx512", StringComparison.Ordinal) ? Avx512State
            : name.StartsWith("amx", StringComparison.Ordinal) ? TileState
            : name.StartsWith("avx", StringComparison.Ordinal) || name is "fma" or "fma4" or "f16c" or "xop" or "vaes" or "vpclmulqdq" ? AvxState
            : 0;
        return (xcr0 & needed) == needed;
    }

    private static uint Word(uint leaf, int subleaf, int register)
    {
        uint highest = (uint)X86Base.CpuId((int)(leaf & 0x8000_0000), 0).Eax;
        if (leaf > highest)
            return 0;
        (int eax, int ebx, int ecx, int edx) = X86Base.CpuId((int)leaf, subleaf);
        return (uint)(register switch { Eax => eax, Ebx => ebx, Ecx => ecx, _ => edx });
    }
}
