using System.Runtime.InteropServices;
using ProcMigrate.Engine.Host;
using ProcMigrate.Engine.Restore.X64;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux.ProcFs;

namespace ProcMigrate.Tests.Engine;

/// <summary>Code of the loader that saves vector registers, found in this machine's, and in what other releases of glibc are built into.</summary>
public class LoaderSaveAreaTests
{
    /// <summary>That of another release can be named.</summary>
    private static readonly string Loader = Environment.GetEnvironmentVariable("PROCMIGRATE_TEST_LOADER") ?? "/lib64/ld-linux-x86-64.so.2";
    private const ulong Address = 0x7f00_0000_0000;

    /// <summary>SSE, AVX, bounds and AVX-512: what glibc saves before it looks up a function.</summary>
    private const uint Mask = 0xee;

    private static readonly XsaveComponentRecord[] Amd = [new(2, 576, 256), new(5, 832, 64), new(6, 896, 512), new(7, 1408, 1024), new(9, 2432, 8)];
    private static readonly XsaveComponentRecord[] Intel = [new(2, 576, 256), new(3, 960, 64), new(4, 1024, 64), new(5, 1088, 64), new(6, 1152, 512), new(7, 1664, 1024), new(9, 2688, 8)];

    [Fact]
    public void ThisMachinesLoader_IsKnownAsAWhole()
    {
        SaveSites sites = SaveSites.Find(File.ReadAllBytes(Loader), Address);
        Assert.Empty(sites.Unknown);
        Assert.Contains(sites.Known, s => s.Compact);
        Assert.Contains(sites.Known, s => !s.Compact);
        Assert.All(sites.Known, s => Assert.True((s.Mask & Mask) == Mask && s.Displacement == 64 && s.Xsave > s.Sub, s.ToString()));
        // Both save into room of one size; the room for a thread's variables may have another.
        Assert.Single(sites.Known.Where(s => !s.InRedZone).Select(s => s.Variable).Distinct());
    }

    /// <summary>What the loader of this process has reckoned for this processor is what we do.</summary>
    [Fact]
    public unsafe void ThisProcessorsRoom_IsTheOneThatTheLoaderHasReckoned()
    {
        List<MemoryMap> loader = MemoryMap.ReadMaps(Environment.ProcessId).FindAll(m => m.Name.Contains("/ld-", StringComparison.Ordinal));
        MemoryMap code = loader.Find(m => m.Execute)!;
        List<SaveSite> sites = SaveSites.Find(new ReadOnlySpan<byte>((void*)code.Start.Value, (int)code.Length), code.Start.Value).Known;
        var size = SaveAreaSize.Of(CpuFacts.Read());
        foreach (IGrouping<ulong, SaveSite> same in sites.GroupBy(s => s.Variable))
        {
            ulong reckoned = (ulong)Marshal.ReadInt64((nint)same.Key);
            Assert.True(reckoned >= same.Min(size.Room), $"{reckoned} of {string.Join(", ", same.Select(s => $"{s} {size.Room(s)}"))}");
            Assert.True(reckoned <= same.Max(size.Room) + 64, $"{reckoned} of {string.Join(", ", same.Select(s => $"{s} {size.Room(s)}"))}");
        }
    }

    /// <summary>xsave as glibc 2.36 has it; xsavec, with a larger mask and three registers below the stack pointer, as 2.40.</summary>
    [Fact]
    public void Code_OfOldAndNewReleases_IsKnown()
    {
        byte[] old =
        [
            0x53, 0x48, 0x89, 0xe3, 0x48, 0x83, 0xe4, 0xc0, // push %rbx; mov %rsp,%rbx; and $-64,%rsp
            0x48, 0x2b, 0x25, 0x00, 0x01, 0x00, 0x00, // sub 0x100(%rip),%rsp
            0x48, 0x89, 0x04, 0x24, 0xb8, 0xee, 0x00, 0x00, 0x00, 0x31, 0xd2, // mov %rax,(%rsp); mov $0xee,%eax; xor %edx,%edx
            0x48, 0x89, 0x94, 0x24, 0x50, 0x02, 0x00, 0x00, 0x0f, 0xae, 0x64, 0x24, 0x40, // mov %rdx,0x250(%rsp); xsave 0x40(%rsp)
        ];
        byte[] young =
        [
            0x48, 0x89, 0x5c, 0x24, 0xe8, 0x48, 0x89, 0xe3, 0x48, 0x83, 0xe4, 0xc0, // mov %rbx,-24(%rsp); mov %rsp,%rbx; and $-64,%rsp
            0x48, 0x2b, 0x25, 0xf0, 0xff, 0xff, 0xff, // sub -16(%rip),%rsp
            0xb8, 0xef, 0x00, 0x0e, 0x00, 0x31, 0xd2, 0x0f, 0xc7, 0x64, 0x24, 0x40, // mov $0xe00ef,%eax; xor %edx,%edx; xsavec 0x40(%rsp)
        ];
        Assert.Equal([new SaveSite(Address + 8, Address + 34, Address + 15 + 0x100, 0xee, 64, false, false)], SaveSites.Find(old, Address).Known);
        Assert.Equal([new SaveSite(Address + 12, Address + 26, Address + 19 - 16, 0xe00ef, 64, true, true)], SaveSites.Find(young, Address).Known);
    }

    [Fact]
    public void Code_WhoseRoomIsMadeInAnotherWay_IsUnknown()
    {
        byte[] code = [0x48, 0x81, 0xec, 0x00, 0x10, 0x00, 0x00, 0xb8, 0xee, 0x00, 0x00, 0x00, 0x31, 0xd2, 0x0f, 0xae, 0x64, 0x24, 0x40];
        SaveSites sites = SaveSites.Find(code, Address);
        Assert.Empty(sites.Known);
        Assert.Equal([Address + 14], sites.Unknown);
    }

    [Theory]
    [InlineData(false, false, 7UL, 896UL)]
    [InlineData(true, false, 7UL, 896UL)]
    [InlineData(false, false, 0xe7UL, 2496UL)]
    [InlineData(true, false, 0xe7UL, 2496UL)]
    [InlineData(false, true, 0xe7UL, 2560UL)]
    public void Room_OfAmd(bool compact, bool redZone, ulong xcr0, ulong expected) => Assert.Equal(expected, Room(Amd, compact, redZone, xcr0));

    [Theory]
    [InlineData(false, 0x2e7UL, 2752UL)]
    [InlineData(true, 0x2e7UL, 2496UL)]
    [InlineData(true, 0x2ffUL, 2560UL)]
    public void Room_OfIntel(bool compact, ulong xcr0, ulong expected) => Assert.Equal(expected, Room(Intel, compact, false, xcr0));

    private static ulong Room(XsaveComponentRecord[] layout, bool compact, bool redZone, ulong xcr0) =>
        new SaveAreaSize(xcr0, layout, _ => false).Room(new SaveSite(0, 0, 0, Mask, 64, compact, redZone));
}
