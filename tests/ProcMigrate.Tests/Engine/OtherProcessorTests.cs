using System.Buffers.Binary;
using ProcMigrate.Engine.Inject.X64;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Memory;
using ProcMigrate.Linux.ProcFs;
using ProcMigrate.Tests.Linux;

namespace ProcMigrate.Tests.Engine;

public class OtherProcessorTests
{
    /// <summary>AVX-512 masks and registers 16 to 31 as AMD lays them out, and Intel, with protection keys at the end.</summary>
    private static readonly CpuRecord Amd = Cpu(new(2, 576, 256), new(5, 832, 64), new(7, 1408, 1024), new(9, 2432, 8));
    private static readonly CpuRecord Intel = Cpu(new(2, 576, 256), new(5, 1088, 64), new(7, 1664, 1024), new(9, 2688, 8));
    private static readonly CpuRecord Old = Cpu(new XsaveComponentRecord(2, 576, 256));

    [Fact]
    public void State_KeepsEachComponent_AtTheOtherProcessorsPlace()
    {
        byte[] saved = Area(2440, 0xa7, Amd), fresh = Area(2696, 0, Intel);
        byte[] area = XsaveArea.Convert(saved, Amd, fresh, Intel);
        Assert.Equal(2696, area.Length);
        Assert.Equal(0xa7UL, BinaryPrimitives.ReadUInt64LittleEndian(area.AsSpan(512)));
        Assert.Equal(saved[832..896], area[1088..1152]);
        Assert.Equal(saved[1408..2432], area[1664..2688]);
        Assert.Equal(saved[576..832], area[576..832]);
        Assert.Equal(saved[..464], area[..464]);
        Assert.Equal(saved, XsaveArea.Convert(area, Intel, Area(2440, 0, Amd), Amd));
    }

    [Fact]
    public void State_OfAProcessorWithoutKeys_GetsThoseOfANewProgram()
    {
        byte[] fresh = Area(2696, 1 << 9, Intel);
        byte[] area = XsaveArea.Convert(Area(832, 7, Old), Old, fresh, Intel);
        Assert.Equal(0x207UL, BinaryPrimitives.ReadUInt64LittleEndian(area.AsSpan(512)));
        Assert.Equal(fresh[2688..2696], area[2688..2696]);
    }

    [Fact]
    public void Component_InUseAndMissing_IsLost_ByName()
    {
        Assert.Equal(["AVX-512 masks", "AVX-512 registers 16 to 31"], XsaveArea.Lost(Area(2440, 0xa7, Amd), Amd, Old));
        Assert.Empty(XsaveArea.Lost(Area(2440, 0x07, Amd), Amd, Old));
        byte[] zeros = new byte[2440];
        zeros[512] = 0xa7;
        Assert.Empty(XsaveArea.Lost(zeros, Amd, Old));
        Assert.Empty(XsaveArea.Lost(Area(2440, 0xa7, Amd), Amd, Intel));
    }

    [Fact]
    public void ControlBits_ThatThisProcessorDoesNotKnow_AreCleared()
    {
        byte[] saved = Area(832, 7, Old), fresh = Area(832, 7, Old);
        BinaryPrimitives.WriteUInt32LittleEndian(saved.AsSpan(24), 0x2_1f80);
        BinaryPrimitives.WriteUInt32LittleEndian(fresh.AsSpan(28), 0xffff);
        Assert.Equal(0x1f80U, BinaryPrimitives.ReadUInt32LittleEndian(XsaveArea.Convert(saved, Old, fresh, Old).AsSpan(24)));
    }

    [Fact]
    public void OwnVdso_HasTheFunctionsOfEveryKernel_AndIsItselfButForRedirections()
    {
        byte[] code = OwnVdso();
        VdsoElf elf = VdsoElf.Parse(code)!;
        Assert.Contains("__vdso_clock_gettime", elf.Entries.Keys);
        Assert.Contains("__vdso_gettimeofday", elf.Entries.Keys);
        Assert.False(elf.IsRedirected());
        byte[] redirected = [.. code];
        foreach (int entry in elf.Entries.Values)
            VdsoRedirection.To(0x7000_1234_5678).CopyTo(redirected, entry);
        Assert.True(VdsoElf.Parse(redirected)!.IsRedirected());
        Assert.True(VdsoElf.Parse(redirected)!.SameBut(code));
        redirected[15] = 1;
        Assert.False(VdsoElf.Parse(redirected)!.SameBut(code));
        Assert.Equal(elf.Entries.Count, elf.Entries.Values.Order().Zip(elf.Entries.Values.Order().Skip(1), (a, b) => b - a).Count(d => d >= VdsoElf.RedirectionLength) + 1);
    }

    [Theory]
    [InlineData("__vdso_clock_gettime")]
    [InlineData("__vdso_clock_getres")]
    public unsafe void Function_ThatIsMissing_IsASystemCall(string name)
    {
        long* time = stackalloc long[2];
        using var code = CodePage(VdsoRedirection.ToSystemCall(name));
        Assert.Equal(0, ((delegate* unmanaged<int, long*, long>)code.Start.Value)(1, time));
        Assert.NotEqual(0, time[0] + time[1]);
        Assert.Equal(-22, ((delegate* unmanaged<int, long*, long>)code.Start.Value)(77, time));
    }

    [Fact]
    public unsafe void Random_ThatIsMissing_GivesBytes_AndKnowsNoState()
    {
        ulong bytes = 0;
        using var code = CodePage(VdsoRedirection.ToSystemCall("__vdso_getrandom"));
        var call = (delegate* unmanaged<void*, nuint, uint, void*, nuint, long>)code.Start.Value;
        Assert.Equal(8, call(&bytes, 8, 0, null, 144));
        Assert.NotEqual(0UL, bytes);
        Assert.Equal(-38, call(null, 0, 0, &bytes, nuint.MaxValue));
    }

    [Fact]
    public unsafe void Function_ThatNobodyKnows_IsNotThere()
    {
        using var code = CodePage(VdsoRedirection.ToSystemCall("__vdso_sgx_enter_enclave"));
        Assert.Equal(-38, ((delegate* unmanaged<int>)code.Start.Value)());
    }

    [Theory]
    [InlineData("")]
    [InlineData("\u007fELF\u0002\u0001")]
    public void Bytes_ThatAreNoVdso_AreNone(string text) => Assert.Null(VdsoElf.Parse([.. text.Select(c => (byte)c), .. new byte[100]]));

    [Fact]
    public void Vdso_WithAnyByteChanged_IsReadWithoutHarm()
    {
        byte[] code = OwnVdso();
        for (int at = 0; at < 0x700 && at < code.Length; at++)
        {
            byte[] forged = [.. code];
            forged[at] ^= 0xff;
            if (VdsoElf.Parse(forged) is { } elf)
                Assert.All(elf.Entries.Values, entry => Assert.InRange(entry, 64, forged.Length - VdsoElf.RedirectionLength));
        }
    }

    [Theory]
    [InlineData("monotonic           0         0\nboottime            0         0\n", 0, 0)]
    [InlineData("monotonic          -3 350614605\nboottime       25691 447563598\n", -2_649_385_395, 25_691_447_563_598)]
    [InlineData("monotonic 99999999999999 0\nnonsense\n", 0, 0)]
    public void Offsets_AreRead(string text, long monotonic, long boottime)
    {
        ClockOffsets offsets = ClockOffsets.Parse(text);
        Assert.Equal((monotonic, boottime), (offsets.Monotonic, offsets.Boottime));
    }

    private static OwnMemory CodePage(byte[] code)
    {
        var page = new OwnMemory(1);
        code.CopyTo(page.Bytes);
        page.Protect(0, 1, 5 /* PROT_READ | PROT_EXEC */);
        return page;
    }

    private static CpuRecord Cpu(params XsaveComponentRecord[] layout) =>
        new() { Vendor = "v", Model = "m", Features = [], Xcr0 = layout.Aggregate(3UL, (xcr0, c) => xcr0 | 1UL << c.Bit), XsaveLayout = layout };

    private static byte[] Area(int length, ulong present, CpuRecord cpu)
    {
        byte[] area = new byte[length];
        for (int i = 0; i < 464; i++)
            area[i] = (byte)(i is >= 24 and < 32 ? 0 : i * 7);
        // What the kernel puts beside the components is all zero here; so are those in their initial state.
        foreach (XsaveComponentRecord c in cpu.XsaveLayout.Where(c => (present >> c.Bit & 1) != 0))
            area.AsSpan(c.Offset, c.Size).Fill((byte)(c.Bit + 1));
        BinaryPrimitives.WriteUInt32LittleEndian(area.AsSpan(28), 0x2_ffff);
        BinaryPrimitives.WriteUInt64LittleEndian(area.AsSpan(512), present);
        return area;
    }

    private static byte[] OwnVdso()
    {
        MemoryMap map = MemoryMap.ReadMaps(Environment.ProcessId).Single(m => m.Name == "[vdso]");
        using ProcessMemory memory = ProcessMemory.Open(Environment.ProcessId);
        return memory.Read(map.Start, (int)map.Length);
    }
}
