using System.Runtime.Intrinsics.X86;
using ProcMigrate.Engine.Checks;
using ProcMigrate.Engine.Host;
using ProcMigrate.Image.Records;

namespace ProcMigrate.Tests.Engine;

public class CpuFeaturesTests
{
    /// <summary>Linux's name of a feature, and what .NET found by CPUID and XGETBV, as any program's library does.</summary>
    public static readonly TheoryData<string, bool> Seen = new()
    {
        { "sse2", Sse2.IsSupported }, { "pni", Sse3.IsSupported }, { "ssse3", Ssse3.IsSupported }, { "sse4_1", Sse41.IsSupported },
        { "sse4_2", Sse42.IsSupported }, { "popcnt", Popcnt.IsSupported }, { "pclmulqdq", Pclmulqdq.IsSupported },
        { "aes", Aes.IsSupported }, { "abm", Lzcnt.IsSupported }, { "bmi1", Bmi1.IsSupported }, { "bmi2", Bmi2.IsSupported },
        { "fma", Fma.IsSupported }, { "avx", Avx.IsSupported }, { "avx2", Avx2.IsSupported }, { "avx512f", Avx512F.IsSupported },
        { "avx512bw", Avx512BW.IsSupported }, { "avx512cd", Avx512CD.IsSupported }, { "avx512dq", Avx512DQ.IsSupported },
        { "avx512vl", Avx512F.VL.IsSupported }, { "serialize", X86Serialize.IsSupported },
    };

    [Theory]
    [MemberData(nameof(Seen))]
    public void WhatLibrariesChooseCodeBy_IsCompared_AndAmongTheFeaturesRead(string feature, bool supported)
    {
        Assert.True(CpuFeatures.ProgramsMayUse(feature));
        if (supported)
            Assert.Contains(feature, CpuFacts.Read().Features);
    }

    /// <summary>Names of arch/x86/include/asm/cpufeatures.h that no instruction of a program depends on.</summary>
    [Theory]
    [InlineData("hypervisor")]
    [InlineData("constant_tsc")]
    [InlineData("arch_capabilities")]
    [InlineData("tsc_adjust")]
    [InlineData("mtrr")]
    [InlineData("vmx")]
    [InlineData("ibrs")]
    [InlineData("md_clear")]
    [InlineData("nonstop_tsc")]
    public void WhatOnlyTheKernelUses_IsNot(string feature) => Assert.False(CpuFeatures.ProgramsMayUse(feature));

    /// <summary>Components of the standard format do not overlap and begin behind the legacy area and the header.</summary>
    [Fact]
    public void XsaveLayout_IsThatOfTheManual()
    {
        CpuRecord cpu = CpuFacts.Read();
        Assert.Equal(3UL, cpu.Xcr0 & 3); // x87 and SSE, which 64-bit mode has always
        int end = 512 + 64;
        foreach (XsaveComponentRecord component in cpu.XsaveLayout.OrderBy(c => c.Offset))
        {
            Assert.Equal(1UL, cpu.Xcr0 >> component.Bit & 1);
            Assert.InRange(component.Offset, end, 16 * 1024);
            end = component.Offset + component.Size;
        }
        if (Avx.IsSupported)
            Assert.Contains(cpu.XsaveLayout, c => c is { Bit: 2, Offset: 576, Size: 256 });
    }
}
