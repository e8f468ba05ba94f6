using System.Globalization;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Linux.ProcFs;

/// <summary>One line of /proc/PID/maps, with the VmFlags of smaps where these were asked for.</summary>
public sealed record MemoryMap
{
    private const string Newline = "\\012";

    public required RemoteAddress Start { get; init; }
    public required RemoteAddress End { get; init; }
    public required bool Read { get; init; }
    public required bool Write { get; init; }
    public required bool Execute { get; init; }
    public required bool Shared { get; init; }
    public required ulong Offset { get; init; }
    public required uint DeviceMajor { get; init; }
    public required uint DeviceMinor { get; init; }
    public required ulong Inode { get; init; }

    /// <summary>Path, or a name in brackets, or empty.</summary>
    public required string Name { get; init; }

    /// <summary>Two letters each, see Documentation/filesystems/proc.rst.</summary>
    public IReadOnlyList<string> VmFlags { get; init; } = [];
    public int ProtectionKey { get; init; }

    /// <summary>Size of the kernel's pages here: more than the usual for hugetlb.</summary>
    public int KernelPageBytes { get; init; }

    /// <summary>Whether pages of it are mapped by others as well (smaps): shared copy-on-write where it is private and anonymous.</summary>
    public bool HasSharedPages { get; init; }
    public ulong Length => End - Start;
    public int Protection => (Read ? 1 : 0) | (Write ? 2 : 0) | (Execute ? 4 : 0);
    public bool HasFile => Inode != 0 || DeviceMajor != 0 || DeviceMinor != 0;

    public bool HasFlag(string flag) => VmFlags.Contains(flag);

    /// <summary>The mappings without VmFlags: quick, the kernel walks no page tables for it.</summary>
    public static List<MemoryMap> ReadMaps(int pid) => Exactly(Parse(FileCalls.ReadText($"/proc/{pid}/maps")), pid);

    /// <summary>The mappings with VmFlags.</summary>
    public static List<MemoryMap> ReadSmaps(int pid) => Exactly(Parse(FileCalls.ReadText($"/proc/{pid}/smaps")), pid);

    internal static List<MemoryMap> Parse(string text)
    {
        var maps = new List<MemoryMap>();
        foreach (string line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            // Detail lines of smaps begin with a capital letter, mappings with a hexadecimal digit in lower case.
            if (!char.IsUpper(line[0]))
                maps.Add(ParseLine(line));
            else if (line.StartsWith("VmFlags:", StringComparison.Ordinal))
                maps[^1] = maps[^1] with { VmFlags = line[8..].Split(' ', StringSplitOptions.RemoveEmptyEntries) };
            else if (line.StartsWith("KernelPageSize:", StringComparison.Ordinal))
                maps[^1] = maps[^1] with { KernelPageBytes = int.Parse(line[15..^2], CultureInfo.InvariantCulture) * 1024 };
            else if (line.StartsWith("Shared_", StringComparison.Ordinal) && !line.EndsWith(" 0 kB", StringComparison.Ordinal))
                maps[^1] = maps[^1] with { HasSharedPages = true };
            else if (line.StartsWith("ProtectionKey:", StringComparison.Ordinal))
                maps[^1] = maps[^1] with { ProtectionKey = int.Parse(line[14..], CultureInfo.InvariantCulture) };
        }
        return maps;
    }

    private static MemoryMap ParseLine(string line)
    {
        string[] fields = line.Split(' ', 6, StringSplitOptions.RemoveEmptyEntries);
        string[] range = fields[0].Split('-');
        string[] device = fields[3].Split(':');
        return new MemoryMap
        {
            Start = new(Hex(range[0])),
            End = new(Hex(range[1])),
            Read = fields[1][0] == 'r',
            Write = fields[1][1] == 'w',
            Execute = fields[1][2] == 'x',
            Shared = fields[1][3] == 's',
            Offset = Hex(fields[2]),
            DeviceMajor = (uint)Hex(device[0]),
            DeviceMinor = (uint)Hex(device[1]),
            Inode = ulong.Parse(fields[4], CultureInfo.InvariantCulture),
            Name = fields.Length > 5 ? Unescape(fields[5].TrimStart()) : "",
        };
    }

    /// <summary>
    /// The kernel writes a newline in a path as \012 (seq_file mangling), and a backslash as it is: so \012 may be in the name, too, and
    /// another link to the same file, which escapes nothing, has to tell. It wants CAP_CHECKPOINT_RESTORE.
    /// </summary>
    private static List<MemoryMap> Exactly(List<MemoryMap> maps, int pid)
    {
        for (int i = 0; i < maps.Count; i++)
        {
            if (maps[i].Name.Contains('\n', StringComparison.Ordinal))
                maps[i] = maps[i] with { Name = ExactName(maps[i], pid) };
        }
        return maps;
    }

    private static string ExactName(MemoryMap map, int pid)
    {
        try
        {
            return FileCalls.ReadLink($"/proc/{pid}/map_files/{map.Start.Value:x}-{map.End.Value:x}");
        }
        catch (LinuxException e) when (e.Errno is Errno.EPERM or Errno.EACCES or Errno.ENOENT)
        {
            string asWritten = map.Name.Replace("\n", Newline, StringComparison.Ordinal);
            return FileStatus.TryOfPath(asWritten) is { } there && there.Inode == map.Inode ? asWritten : map.Name;
        }
    }

    private static string Unescape(string path) => path.Replace(Newline, "\n", StringComparison.Ordinal);

    private static ulong Hex(string text) => ulong.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
