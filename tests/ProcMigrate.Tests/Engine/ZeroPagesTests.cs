using FsCheck;
using FsCheck.Fluent;
using ProcMigrate.Engine.Memory;
using ProcMigrate.Linux;

namespace ProcMigrate.Tests.Engine;

public class ZeroPagesTests
{
    /// <summary>Pages that are zero, or not in one byte only; and perhaps part of a page at the end.</summary>
    private static readonly Gen<byte[]> Memory =
        from pages in Gen.Choose(0, 12)
        from tail in Gen.Elements(0, 0, 1, 100, PageSize.Bytes - 1)
        from spots in Gen.Choose(-2, PageSize.Bytes - 1).ArrayOf(pages + 1)
        select Build(pages * PageSize.Bytes + tail, spots);

    [Fact]
    public void Runs_AreThoseOfTheNaiveWay()
    {
        Prop.ForAll(Memory.ToArbitrary(), memory =>
        {
            Assert.Equal(Naive(memory), Runs(memory));
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Nothing_HasNoRun()
    {
        Assert.False(ZeroPages.NextRun([], 0, out _, out _));
        Assert.False(ZeroPages.NextRun(new byte[3 * PageSize.Bytes], 0, out _, out _));
    }

    private static List<(int Start, int Length)> Runs(byte[] memory)
    {
        var runs = new List<(int, int)>();
        for (int from = 0; ZeroPages.NextRun(memory, from, out int start, out int length); from = start + length)
            runs.Add((start, length));
        return runs;
    }

    private static List<(int Start, int Length)> Naive(byte[] memory)
    {
        var runs = new List<(int Start, int Length)>();
        for (int at = 0; at < memory.Length; at += PageSize.Bytes)
        {
            byte[] page = [.. memory.Skip(at).Take(PageSize.Bytes)];
            if (page.All(b => b == 0))
                continue;
            if (runs.Count > 0 && runs[^1].Start + runs[^1].Length == at)
                runs[^1] = (runs[^1].Start, runs[^1].Length + page.Length);
            else
                runs.Add((at, page.Length));
        }
        return runs;
    }

    private static byte[] Build(int length, int[] spots)
    {
        byte[] memory = new byte[length];
        for (int page = 0; page < spots.Length; page++)
        {
            int at = page * PageSize.Bytes + spots[page];
            if (spots[page] >= 0 && at < length)
                memory[at] = 1;
        }
        return memory;
    }
}
