using System.Runtime.InteropServices;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Linux.Memory;

/// <summary>struct pm_scan_arg (linux/fs.h).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct PagemapScanArgs
{
    public ulong size;
    public ulong flags;
    public ulong start;
    public ulong end;
    public ulong walk_end;
    public ulong vec;
    public ulong vec_len;
    public ulong max_pages;
    public ulong category_inverted;
    public ulong category_mask;
    public ulong category_anyof_mask;
    public ulong return_mask;
}

/// <summary>struct page_region (linux/fs.h).</summary>
[StructLayout(LayoutKind.Sequential)]
public struct PageRegion
{
    public ulong start;
    public ulong end;
    public ulong categories;
}

/// <summary>
/// Which pages of a process hold anything, from /proc/PID/pagemap: by PAGEMAP_SCAN (6.7 and later), else entry by entry.
/// </summary>
public sealed unsafe class PageScanner : IDisposable
{
    private const uint PAGEMAP_SCAN = 0xC0606610;
    private const int RegionBatch = 1024;
    private const PageCategory Asked =
        PageCategory.File | PageCategory.Present | PageCategory.Swapped | PageCategory.ZeroPage;

    private readonly int _pid;
    private readonly Descriptor _pagemap;
    private bool _scanSupported = true;
    private PageCategory _asked = Asked | PageCategory.Guard;

    private PageScanner(int pid, Descriptor pagemap) => (_pid, _pagemap) = (pid, pagemap);

    public static PageScanner Open(int pid) => new(pid, FileCalls.Open($"/proc/{pid}/pagemap", OpenFlags.O_RDONLY));

    /// <summary>Ranges that are present or swapped, in order; absent pages are left out.</summary>
    public List<PageRange> Scan(RemoteAddress start, RemoteAddress end)
    {
        var found = new List<PageRange>();
        if (_scanSupported && TryScan(start, end, found))
            return found;
        _scanSupported = false;
        return ScanEntries(start, end);
    }

    private bool TryScan(RemoteAddress start, RemoteAddress end, List<PageRange> found)
    {
        PageRegion* regions = stackalloc PageRegion[RegionBatch];
        while (start < end)
        {
            var args = new PagemapScanArgs
            {
                size = (ulong)sizeof(PagemapScanArgs),
                start = start.Value,
                end = end.Value,
                vec = (ulong)regions,
                vec_len = RegionBatch,
                category_anyof_mask = (ulong)(PageCategory.Present | PageCategory.Swapped),
                return_mask = (ulong)_asked,
            };
            long count = RawSyscall.Try(SyscallNumber.ioctl, _pagemap.Number, unchecked((nint)PAGEMAP_SCAN), (nint)(&args));
            if (count == -Errno.EINVAL && (_asked & PageCategory.Guard) != 0)
            {
                // Kernels before 6.15 do not know PAGE_IS_GUARD.
                _asked = Asked;
                continue;
            }
            if (count is -Errno.ENOTTY or -Errno.EINVAL)
                return false;
            RawSyscall.Check(count, "ioctl(PAGEMAP_SCAN)", $"process {_pid}");
            for (int i = 0; i < count; i++)
                found.Add(new PageRange(new(regions[i].start), new(regions[i].end), (PageCategory)regions[i].categories));
            // Where the kernel fills its own buffer of 512 regions before it comes to the end, it leaves walk_end there, behind what
            // it tells: going on from there would tell those pages twice.
            ulong told = count > 0 ? regions[count - 1].end : 0;
            ulong next = Math.Max(args.walk_end, told);
            if (next <= start.Value)
                throw new LinuxException("ioctl(PAGEMAP_SCAN)", $"process {_pid} at {start}", Errno.EIO);
            start = new(next);
        }
        return true;
    }

    /// <summary>As <see cref="Scan"/>, the way of kernels without PAGEMAP_SCAN; these cannot tell the zero page.</summary>
    internal List<PageRange> ScanEntries(RemoteAddress start, RemoteAddress end)
    {
        const int Batch = 64 * 1024;
        var found = new List<PageRange>();
        ulong[] entries = new ulong[Batch];
        while (start < end)
        {
            int count = (int)Math.Min(Batch, (end - start) / PageSize.Bytes);
            Span<byte> bytes = MemoryMarshal.AsBytes(entries.AsSpan(0, count));
            if (FileCalls.ReadAt(_pagemap, bytes, checked((long)(start.Value / PageSize.Bytes * sizeof(ulong)))) != bytes.Length)
                throw new LinuxException("read", $"/proc/{_pid}/pagemap at {start}", Errno.EIO);
            for (int i = 0; i < count; i++)
                Append(found, start + (ulong)i * PageSize.Bytes, Categories(entries[i]));
            start += (ulong)count * PageSize.Bytes;
        }
        return found;
    }

    /// <summary>Bits of a pagemap entry (Documentation/admin-guide/mm/pagemap.rst).</summary>
    private static PageCategory Categories(ulong entry) =>
        ((entry & 1UL << 63) != 0 ? PageCategory.Present : 0)
        | ((entry & 1UL << 62) != 0 ? PageCategory.Swapped : 0)
        | ((entry & 1UL << 61) != 0 ? PageCategory.File : 0)
        | ((entry & 1UL << 58) != 0 ? PageCategory.Guard : 0);

    private static void Append(List<PageRange> found, RemoteAddress page, PageCategory categories)
    {
        if ((categories & (PageCategory.Present | PageCategory.Swapped)) == 0)
            return;
        RemoteAddress next = page + PageSize.Bytes;
        if (found.Count > 0 && found[^1].End == page && found[^1].Categories == categories)
            found[^1] = found[^1] with { End = next };
        else
            found.Add(new PageRange(page, next, categories));
    }

    public void Dispose() => _pagemap.Dispose();
}
