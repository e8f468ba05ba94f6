using ProcMigrate.Image.Records;
using ProcMigrate.Linux.Processes;

namespace ProcMigrate.Engine.Save;

/// <summary>
/// The open files found so far, and which descriptors stand for them. Files that look alike are told apart by kcmp, whose
/// answer is an order: a search tree needs few of them even among a hundred thousand eventfds, which all look alike.
/// </summary>
internal sealed class DescriptorsSeen
{
    private readonly Dictionary<(string Link, ulong Device, ulong Inode, string? Number), SortedSet<OpenFileSeen>> _alike = [];
    private readonly Dictionary<int, IReadOnlyList<DescriptorRecord>> _tables = [];
    private readonly Dictionary<int, int> _standardStreams = [];

    /// <summary>Open files that look alike, ordered by kcmp.</summary>
    public SortedSet<OpenFileSeen> Alike((string Link, ulong Device, ulong Inode, string? Number) likeness)
    {
        if (!_alike.TryGetValue(likeness, out SortedSet<OpenFileSeen>? alike))
            _alike[likeness] = alike = new SortedSet<OpenFileSeen>(KcmpOrder.Instance);
        return alike;
    }

    /// <summary>The open files behind an inode: several for a pipe, all for the inode that eventfds and their like share.</summary>
    public IEnumerable<OpenFileSeen> Behind(ulong device, ulong inode)
    {
        foreach (var (likeness, files) in _alike)
        {
            if ((likeness.Device, likeness.Inode) != (device, inode))
                continue;
            foreach (OpenFileSeen file in files)
                yield return file;
        }
    }

    /// <summary>A whole table, in the order of its numbers.</summary>
    public void Add(int pid, IReadOnlyList<DescriptorRecord> table)
    {
        _tables[pid] = table;
        for (int i = 0; i < table.Count && table[i].Fd <= HighestStandard; i++)
            _standardStreams.TryAdd(table[i].ObjectId, table[i].Fd);
    }

    /// <summary>The object behind a descriptor, or 0.</summary>
    public int ObjectAt(int pid, int fd)
    {
        if (!_tables.TryGetValue(pid, out IReadOnlyList<DescriptorRecord>? table))
            return 0;
        int low = 0, high = table.Count - 1;
        while (low <= high)
        {
            int middle = (low + high) / 2;
            if (table[middle].Fd == fd)
                return table[middle].ObjectId;
            (low, high) = table[middle].Fd < fd ? (middle + 1, high) : (low, middle - 1);
        }
        return 0;
    }

    /// <summary>Every descriptor of an object.</summary>
    public IEnumerable<(int Pid, int Fd)> Of(int objectId)
    {
        foreach ((int pid, IReadOnlyList<DescriptorRecord> table) in _tables)
        {
            foreach (DescriptorRecord descriptor in table)
            {
                if (descriptor.ObjectId == objectId)
                    yield return (pid, descriptor.Fd);
            }
        }
    }

    /// <summary>0, 1 or 2 where some process has the object as such; else null.</summary>
    public int? StandardStream(int objectId) => _standardStreams.TryGetValue(objectId, out int fd) ? fd : null;

    private const int HighestStandard = 2;

    private sealed class KcmpOrder : IComparer<OpenFileSeen>
    {
        public static KcmpOrder Instance { get; } = new();

        public int Compare(OpenFileSeen? a, OpenFileSeen? b)
        {
            if ((a!.Pid, a.Fd) == (b!.Pid, b.Fd))
                return 0;
            return Kcmp.Compare(a.Pid, b.Pid, Kcmp.KCMP_FILE, a.Fd, b.Fd) switch
            {
                0 => 0,
                1 => -1,
                _ => 1,
            };
        }
    }
}

/// <summary>An open file already captured, and one descriptor by which it can be compared.</summary>
internal sealed record OpenFileSeen(int Pid, int Fd, int ObjectId);
