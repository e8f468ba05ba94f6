using System.Globalization;

namespace ProcMigrate.PowerShell.Running;

/// <summary>What /proc tells of a running tree without stopping it: an outlook on its save.</summary>
internal sealed record ProcTree(int Processes, int Threads, long Memory)
{
    /// <summary>Bytes a second, as bench/ measures them: memory is written at about that rate while the program stands still.</summary>
    private const double BytesPerSecond = 1.5 * (1 << 30);
    private const double FixedMilliseconds = 15;

    /// <summary>About how long the program would stand still.</summary>
    public double FreezeMilliseconds => FixedMilliseconds + (Memory * 1000.0 / BytesPerSecond);

    public static ProcTree Of(int root, bool children)
    {
        var parents = new List<(int Pid, int Parent)>();
        foreach (var folder in children ? Directory.EnumerateDirectories("/proc") : [])
        {
            if (int.TryParse(Path.GetFileName(folder), NumberStyles.None, CultureInfo.InvariantCulture, out var pid))
                parents.Add((pid, Parent(pid)));
        }

        var tree = new HashSet<int> { root };
        for (var before = 0; before != tree.Count;)
        {
            before = tree.Count;
            tree.UnionWith(parents.Where(process => tree.Contains(process.Parent)).Select(process => process.Pid));
        }

        return new(tree.Count, tree.Sum(pid => (int)Number(pid, "Threads:")), tree.Sum(AnonymousMemory));
    }

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"{Count(Processes, "process", "processes")}, {Count(Threads, "thread", "threads")}, {ByteText.Of(Memory)} of memory, frozen about {FreezeMilliseconds:0} ms");

    /// <summary>What an image would have to hold: pages of files stay where they are.</summary>
    private static long AnonymousMemory(int pid) => (Number(pid, "RssAnon:") + Number(pid, "RssShmem:") + Number(pid, "VmSwap:")) * 1024;

    private static string Count(int count, string one, string many) => $"{count} {(count == 1 ? one : many)}";

    private static int Parent(int pid) => (int)Number(pid, "PPid:");

    /// <summary>0 where the process is gone or its line is not there.</summary>
    private static long Number(int pid, string name)
    {
        try
        {
            foreach (var line in File.ReadLines($"/proc/{pid}/status"))
            {
                if (line.StartsWith(name, StringComparison.Ordinal))
                    return long.Parse(line[name.Length..].Trim().Split(' ')[0], CultureInfo.InvariantCulture);
            }
        }
        catch (IOException)
        {
            // It has ended meanwhile.
        }

        return 0;
    }
}
