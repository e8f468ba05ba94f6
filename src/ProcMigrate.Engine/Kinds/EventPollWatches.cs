using System.Globalization;
using ProcMigrate.Engine.Save;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Processes;
using ProcMigrate.Linux.ProcFs;

namespace ProcMigrate.Engine.Kinds;

/// <summary>
/// Finds out which open files an epoll watches. fdinfo gives the number that each was added under and its inode; kcmp
/// compares with a descriptor, but walks through all that is watched to do so.
/// </summary>
internal sealed class EventPollWatches
{
    // kcmp of n files in an epoll costs n²/2 steps in the kernel: up to this many it is made for each.
    private const int FewEnoughToCompare = 4000;

    private readonly int _pid;
    private readonly int _fd;
    private readonly SaveContext _context;
    private readonly List<Seen> _seen;
    private readonly Dictionary<int, int> _sameNumber = [];

    public EventPollWatches(int pid, int fd, DescriptorInfo info, SaveContext context)
    {
        (_pid, _fd, _context) = (pid, fd, context);
        _seen = [.. info.Lines.Where(l => l.StartsWith("tfd:", StringComparison.Ordinal)).Select(Parse)];
    }

    public int Count => _seen.Count;

    /// <summary>All that is watched, as objects; or null and a blocker for what belongs to nobody in the tree.</summary>
    public IReadOnlyList<EventPollWatch>? Resolve()
    {
        var watches = new List<EventPollWatch>(_seen.Count);
        bool complete = true;
        foreach (Seen seen in _seen)
        {
            // Several files may have been added under one number, one after the other.
            int skip = _sameNumber.GetValueOrDefault(seen.Fd);
            _sameNumber[seen.Fd] = skip + 1;
            if (Find(seen, skip) is { } objectId)
            {
                watches.Add(new EventPollWatch(seen.Fd, objectId, seen.Events, seen.Data));
                continue;
            }
            complete = false;
            _context.Block(new Blocker(
                "EpollTarget", _pid, _fd, $"epoll, watching what was its descriptor {seen.Fd}",
                "the watched file is open in a process outside the tree only, or on its way in a socket", "save that process with it"));
        }
        return complete ? watches : null;
    }

    private int? Find(Seen seen, int skip)
    {
        int likely = _context.Descriptors.ObjectAt(_pid, seen.Fd);
        if (likely != 0 && IsIt(seen, skip))
            return likely;
        foreach (OpenFileSeen file in _context.Descriptors.Behind(seen.Device, seen.Inode))
        {
            if (Kcmp.IsWatched(file.Pid, file.Fd, _pid, _fd, seen.Fd, skip))
                return file.ObjectId;
        }
        return null;
    }

    /// <summary>Whether the process's own descriptor of that number is the watched file.</summary>
    private bool IsIt(Seen seen, int skip)
    {
        if (_seen.Count <= FewEnoughToCompare)
            return Kcmp.IsWatched(_pid, seen.Fd, _pid, _fd, seen.Fd, skip);
        // A number closed and used again for the same kind of file while the first one lives on elsewhere would be mistaken here.
        var now = Linux.Files.FileStatus.OfPath($"/proc/{_pid}/fd/{seen.Fd}");
        return skip == 0 && (now.KernelDevice, now.Inode) == (seen.Device, seen.Inode);
    }

    /// <summary>"tfd:        5 events:       19 data:                5  pos:0 ino:1f2 sdev:d"; all but tfd and pos hexadecimal.</summary>
    private static Seen Parse(string line)
    {
        var fields = new Dictionary<string, string>();
        string[] words = line.Replace(":", ": ", StringComparison.Ordinal).Split(' ', StringSplitOptions.RemoveEmptyEntries);
        for (int i = 0; i + 1 < words.Length; i += 2)
            fields[words[i].TrimEnd(':')] = words[i + 1];
        return new Seen(
            int.Parse(fields["tfd"], CultureInfo.InvariantCulture), (uint)Hex(fields["events"]), Hex(fields["data"]), Hex(fields["ino"]),
            Hex(fields["sdev"]));
    }

    private static ulong Hex(string text) => ulong.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    private readonly record struct Seen(int Fd, uint Events, ulong Data, ulong Inode, ulong Device);
}
