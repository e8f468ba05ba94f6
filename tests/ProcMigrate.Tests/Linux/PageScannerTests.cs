using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Memory;
using ProcMigrate.Tests.Image;

namespace ProcMigrate.Tests.Linux;

/// <summary>PAGEMAP_SCAN and reading entry by entry, on memory of our own whose pages are known.</summary>
public sealed class PageScannerTests : IDisposable
{
    private const int MADV_NOHUGEPAGE = 15;
    private const int MADV_GUARD_INSTALL = 102;
    private const PageCategory InUse = PageCategory.Present | PageCategory.Swapped;
    private const PageCategory ToldByBoth = InUse | PageCategory.File | PageCategory.Guard;

    private readonly PageScanner _scanner = PageScanner.Open(Environment.ProcessId);

    public void Dispose() => _scanner.Dispose();

    [Fact]
    public void WrittenPages_AreFound_UntouchedAreNot()
    {
        using var memory = new OwnMemory(64);
        memory.TryAdvise(0, 64, MADV_NOHUGEPAGE);
        int[] written = [0, 1, 2, 7, 9, 10, 63];
        foreach (int page in written)
            memory.Page(page)[5] = 1;
        Assert.Equal(written, PagesOf(_scanner.Scan(memory.Start, memory.End), memory).Keys);
        Assert.Equal(written, PagesOf(_scanner.ScanEntries(memory.Start, memory.End), memory).Keys);
    }

    [Fact]
    public void PagesOnlyRead_AreTheZeroPage()
    {
        using var memory = new OwnMemory(4);
        memory.TryAdvise(0, 4, MADV_NOHUGEPAGE);
        Assert.Equal(0, memory.Page(2)[0]);
        List<PageRange> found = _scanner.Scan(memory.Start, memory.End);
        Assert.All(found, r => Assert.True((r.Categories & PageCategory.ZeroPage) != 0 || !KernelScans()));
        Assert.Equal(PagesOf(found, memory).Keys, PagesOf(_scanner.ScanEntries(memory.Start, memory.End), memory).Keys);
    }

    [Fact]
    public void FilePages_AreTold_UntilTheyAreWritten()
    {
        using var folder = new TemporaryFolder();
        using Descriptor file = FileCalls.Open(folder.File("data"), OpenFlags.O_CREAT | OpenFlags.O_RDWR, 0x180 /* 0600 */);
        byte[] content = new byte[8 * PageSize.Bytes];
        Array.Fill(content, (byte)7);
        FileCalls.WriteAt(file, content, 0);
        using var memory = new OwnMemory(8, OwnMemory.MAP_PRIVATE, OwnMemory.PROT_READ_WRITE, file.Number);
        Assert.Equal(7, memory.Page(1)[0]);
        memory.Page(4)[0] = 8;
        foreach (List<PageRange> found in (List<PageRange>[])[_scanner.Scan(memory.Start, memory.End), _scanner.ScanEntries(memory.Start, memory.End)])
        {
            SortedDictionary<int, PageCategory> pages = PagesOf(found, memory);
            Assert.Equal(PageCategory.Present | PageCategory.File, pages[1]);
            Assert.Equal(PageCategory.Present, pages[4]);
        }
    }

    [Theory]
    [InlineData(OwnMemory.MAP_PRIVATE)]
    [InlineData(OwnMemory.MAP_SHARED)]
    public void BothWays_SayTheSame(int sharing)
    {
        const int Pages = 5000; // more ranges than one PAGEMAP_SCAN answers
        using var memory = new OwnMemory(Pages, sharing);
        memory.TryAdvise(0, Pages, MADV_NOHUGEPAGE);
        var random = new Random(1);
        for (int page = 0; page < Pages; page++)
        {
            switch (random.Next(3))
            {
                case 0:
                    memory.Page(page)[0] = 1;
                    break;
                case 1:
                    Assert.Equal(0, memory.Page(page)[0]);
                    break;
            }
        }
        bool guards = memory.TryAdvise(10, 5, MADV_GUARD_INSTALL) == 0; // 6.13 and later
        memory.Protect(20, 30, OwnMemory.PROT_NONE);
        SortedDictionary<int, PageCategory> scanned = PagesOf(_scanner.Scan(memory.Start, memory.End), memory);
        SortedDictionary<int, PageCategory> read = PagesOf(_scanner.ScanEntries(memory.Start, memory.End), memory);
        Assert.Equal(scanned, read);
        Assert.True(scanned.Count > Pages / 4);
        if (guards && KernelScans())
            Assert.All(Enumerable.Range(10, 5), page => Assert.True((scanned[page] & PageCategory.Guard) != 0));
    }

    /// <summary>The kernel's own buffer holds 512 ranges; where it is filled on the way to the end, its walk_end stays behind.</summary>
    [Theory]
    [InlineData(511)]
    [InlineData(513)]
    [InlineData(900)]
    [InlineData(1500)]
    public void ManyRanges_AreToldOnceEach(int ranges)
    {
        using var memory = new OwnMemory(2 * ranges);
        memory.TryAdvise(0, 2 * ranges, MADV_NOHUGEPAGE);
        for (int i = 0; i < ranges; i++)
            memory.Page(2 * i)[0] = 1;
        List<PageRange> found = _scanner.Scan(memory.Start, memory.End);
        Assert.Equal(Enumerable.Range(0, ranges).Select(i => 2 * i), PagesOf(found, memory).Keys);
        Assert.Equal(ranges, found.Count);
    }

    [Fact]
    public void PartsOfAMapping_AreScannedAlone()
    {
        using var memory = new OwnMemory(10);
        memory.Bytes.Fill(1);
        PageRange range = Assert.Single(_scanner.Scan(memory.Start + 4096, memory.Start + 3 * 4096));
        Assert.Equal((memory.Start + 4096, memory.Start + 3 * 4096), (range.Start, range.End));
    }

    [Fact]
    public void Gaps_AreNoError()
    {
        var memory = new OwnMemory(10);
        memory.Dispose();
        Assert.Empty(_scanner.Scan(memory.Start, memory.Start + 4096));
    }

    /// <summary>By page, in use only, with what both ways tell.</summary>
    private static SortedDictionary<int, PageCategory> PagesOf(List<PageRange> ranges, OwnMemory memory)
    {
        var pages = new SortedDictionary<int, PageCategory>();
        foreach (PageRange range in ranges)
        {
            Assert.NotEqual(PageCategory.None, range.Categories & InUse);
            for (RemoteAddress at = range.Start; at < range.End; at += PageSize.Bytes)
                pages.Add((int)((at - memory.Start) / PageSize.Bytes), range.Categories & ToldByBoth);
        }
        return pages;
    }

    private static bool KernelScans() => Environment.OSVersion.Version >= new Version(6, 7);
}
