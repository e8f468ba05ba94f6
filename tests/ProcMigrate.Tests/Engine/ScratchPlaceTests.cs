using FsCheck;
using FsCheck.Fluent;
using ProcMigrate.Engine.Contracts;
using ProcMigrate.Engine.Inject;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.ProcFs;

namespace ProcMigrate.Tests.Engine;

public class ScratchPlaceTests
{
    private const ulong EndOfUserSpace = 0x7fff_ffff_f000;
    private const ulong Guard = 0x10_0000;

    /// <summary>Ranges over the whole of user space, many of them where the search begins; in no order, and overlapping.</summary>
    private static readonly Gen<AddressRange> Range =
        from highest in Gen.Elements(0x1000, 0x10_2000, 0x13_0000, 0x7fff_fff0)
        from page in Gen.Choose(0, highest)
        from pages in Gen.OneOf(Gen.Choose(1, 16), Gen.Choose(1, 0x8000), Gen.Choose(1, 0x100_0000))
        let start = (ulong)page * PageSize.Bytes * (highest > 0x100_0000 ? 16UL : 1)
        select new AddressRange(start, Math.Min(start + (ulong)pages * PageSize.Bytes, EndOfUserSpace));

    [Fact]
    public void ThePlace_OverlapsNothing_AndKeepsADistance()
    {
        Gen<(List<AddressRange>, int)> cases = Gen.Zip(Range.ListOf(), Gen.Choose(1, 0x2000)).Select(p => (p.Item1.ToList(), p.Item2));
        Prop.ForAll(cases.ToArbitrary(), c =>
        {
            (List<AddressRange> used, int pages) = c;
            ulong length = (ulong)pages * PageSize.Bytes;
            ulong start = ScratchPlace.Find(used, length).Value;
            Assert.Equal(0UL, start % PageSize.Bytes);
            Assert.InRange(start, 0x1_0000_0000UL, EndOfUserSpace - length);
            Assert.All(used, u => Assert.True(
                u.End + Guard <= start || start + length + Guard <= u.Start, $"{start:x}+{length:x} is too near {u.Start:x}-{u.End:x}"));
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void AFullAddressSpace_IsAnError()
    {
        EngineException failure = Assert.Throws<EngineException>(() => ScratchPlace.Find([new AddressRange(0x1000, EndOfUserSpace)], 4096));
        Assert.Equal("NoAddressSpace", failure.Id);
    }

    [Fact]
    public void AGapThatIsJustLargeEnough_IsTaken_OneThatIsTooSmallIsNot()
    {
        RemoteAddress first = ScratchPlace.Find(Array.Empty<AddressRange>(), 0x10000);
        ulong margin = first.Value - 0x1_0000_0000;
        ulong wall = first.Value + 0x10000 + margin;
        Assert.Equal(first, ScratchPlace.Find([new AddressRange(wall, wall + 0x1000)], 0x10000));
        Assert.Equal(wall + 0x1000 + margin, ScratchPlace.Find([new AddressRange(wall, wall + 0x1000)], 0x11000).Value);
    }

    /// <summary>Our own maps, vsyscall among them, which lies beyond all of user space.</summary>
    [Fact]
    public void ARealProcess_HasRoom()
    {
        List<MemoryMap> maps = MemoryMap.ReadMaps(Environment.ProcessId);
        RemoteAddress start = ScratchPlace.Find(maps, RemoteCalls.ScratchLength);
        Assert.DoesNotContain(maps, m => m.Start.Value < start.Value + RemoteCalls.ScratchLength && m.End > start);
    }
}
