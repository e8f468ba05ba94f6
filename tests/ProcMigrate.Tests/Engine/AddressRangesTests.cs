using FsCheck;
using FsCheck.Fluent;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Image.Records;

namespace ProcMigrate.Tests.Engine;

public class AddressRangesTests
{
    private const int Addresses = 40;

    /// <summary>A set of addresses, as ranges in order: neighbours joined or not makes no difference.</summary>
    private static readonly Gen<bool[]> Sets = Gen.Elements(true, false).ArrayOf(Addresses);

    [Fact]
    public void Outside_HasWhatTheOthersDoNotHave_AndNothingElse()
    {
        Gen<(bool[], int, int, bool)> cases = Gen.Zip(Gen.Zip(Sets, Gen.Elements(true, false)), Gen.Zip(Gen.Choose(0, Addresses), Gen.Choose(0, Addresses)))
            .Select(c => (c.Item1.Item1, Math.Min(c.Item2.Item1, c.Item2.Item2), Math.Max(c.Item2.Item1, c.Item2.Item2), c.Item1.Item2));
        Prop.ForAll(cases.ToArbitrary(), c =>
        {
            (bool[] taken, int start, int end, bool joined) = c;
            bool[] found = new bool[Addresses];
            ulong last = 0;
            foreach (AddressRange range in AddressRanges.Outside(ToRanges(taken, joined), (ulong)start, (ulong)end))
            {
                Assert.True(range.Start >= last && range.Start < range.End, "the ranges are not in order, or empty");
                last = range.End;
                for (ulong at = range.Start; at < range.End; at++)
                    found[at] = true;
            }
            for (int at = 0; at < Addresses; at++)
                Assert.Equal(at >= start && at < end && !taken[at], found[at]);
        }).QuickCheckThrowOnFailure();
    }

    private static List<AddressRange> ToRanges(bool[] taken, bool joined)
    {
        var ranges = new List<AddressRange>();
        for (int at = 0; at < taken.Length; at++)
        {
            if (!taken[at])
                continue;
            if (joined && ranges.Count > 0 && ranges[^1].End == (ulong)at)
                ranges[^1] = ranges[^1] with { End = (ulong)at + 1 };
            else
                ranges.Add(new AddressRange((ulong)at, (ulong)at + 1));
        }
        return ranges;
    }
}
