using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace ProcMigrate.SystemTests.Harness;

/// <summary>
/// What /proc tells about a process that must be the same after a save and a restore, as lines by topic. What the kernel counts anew (times,
/// faults, pid of the parent) is left out.
/// </summary>
internal sealed partial class ProcSnapshot
{
    private static readonly string[] ProcessFiles =
        ["limits", "cmdline", "environ", "auxv", "oom_score_adj", "coredump_filter", "personality", "timerslack_ns", "cgroup"];

    private static readonly string[] Links = ["exe", "cwd", "root", "ns/pid", "ns/mnt", "ns/net", "ns/uts", "ns/ipc", "ns/user"];

    private static readonly string[] ProcessStatus =
        ["Umask", "Tgid", "Threads", "ShdPnd", "SigIgn", "SigCgt", "VmSize", "VmLck", "VmPin", "VmData", "VmStk", "VmExe", "VmLib",
         "THP_enabled", "CoreDumping", "TracerPid"];

    private static readonly string[] ThreadStatus =
        ["Name", "Uid", "Gid", "Groups", "SigPnd", "SigBlk", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp",
         "Cpus_allowed", "Mems_allowed", "Speculation_Store_Bypass"];

    /// <summary>Fields of stat: process group, session, terminal; exit signal; places of code, stack, data, arguments.</summary>
    private static readonly int[] ProcessStat = [5, 6, 7, 26, 27, 28, 38, 45, 46, 47, 48, 49, 50, 51];

    /// <summary>Fields of stat: priority, nice, real-time priority, policy.</summary>
    private static readonly int[] ThreadStat = [18, 19, 40, 41];

    private readonly SortedDictionary<string, string> facts = new(StringComparer.Ordinal);

    private ProcSnapshot()
    {
    }

    /// <summary>Pages that are the process's own, in KiB: what a leak would make grow.</summary>
    internal static long AnonymousKiB(int pid)
    {
        string rollup = Proc.ReadText($"/proc/{pid}/smaps_rollup") ?? "";
        string line = rollup.Split('\n').Single(text => text.StartsWith("Anonymous:", StringComparison.Ordinal));
        return long.Parse(line["Anonymous:".Length..].Replace("kB", "", StringComparison.Ordinal), CultureInfo.InvariantCulture);
    }

    internal static ProcSnapshot Capture(int pid)
    {
        ProcSnapshot snapshot = new();
        string folder = $"/proc/{pid}";
        foreach (string name in ProcessFiles)
            snapshot.facts[name] = Readable(Proc.ReadBytes($"{folder}/{name}"));
        foreach (string name in Links)
            snapshot.facts[name] = Proc.ReadLink($"{folder}/{name}") ?? "none";
        snapshot.AddStatus("", folder, ProcessStatus);
        snapshot.AddStat("", folder, ProcessStat);
        foreach (string task in Directory.GetDirectories($"{folder}/task"))
        {
            string prefix = $"thread {Path.GetFileName(task)} ";
            snapshot.AddStatus(prefix, task, ThreadStatus);
            snapshot.AddStat(prefix, task, ThreadStat);
        }
        snapshot.AddDescriptors(folder);
        foreach (string line in MemoryLayout.Read(pid))
            snapshot.facts["mapping " + line] = "";
        return snapshot;
    }

    /// <summary>A snapshot of a program at work: taken again until two in a row agree.</summary>
    internal static ProcSnapshot CaptureStable(int pid)
    {
        ProcSnapshot last = Capture(pid);
        for (int tries = 0; tries < 200; tries++)
        {
            ProcSnapshot next = Capture(pid);
            if (Difference(last, next).Count == 0)
                return next;
            last = next;
        }
        // Some programs never hold still; the comparison afterwards has its tries too.
        return last;
    }

    /// <summary>The process is as it was; a program at work is given the time to come by the same state again.</summary>
    internal static void AssertSame(ProcSnapshot before, int pid)
    {
        List<string> difference = [];
        for (int tries = 0; tries < 400; tries++)
        {
            difference = Difference(before, Capture(pid));
            if (difference.Count == 0)
                return;
            Thread.Sleep(5);
        }
        Assert.Fail($"pid {pid} is not as it was:\n{string.Join('\n', difference)}");
    }

    private static List<string> Difference(ProcSnapshot was, ProcSnapshot now)
    {
        List<string> lines = [];
        foreach ((string key, string value) in was.facts)
        {
            if (!now.facts.TryGetValue(key, out string? other))
                lines.Add($"- {key} {value}");
            else if (other != value)
                lines.Add($"  {key} was [{value}] is [{other}]");
        }
        lines.AddRange(now.facts.Where(fact => !was.facts.ContainsKey(fact.Key)).Select(fact => $"+ {fact.Key} {fact.Value}"));
        return lines;
    }

    private void AddStatus(string prefix, string folder, string[] names)
    {
        foreach (string line in (Proc.ReadText($"{folder}/status") ?? "").Split('\n'))
        {
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon > 0 && names.Contains(line[..colon]))
                facts[prefix + line[..colon]] = line[(colon + 1)..].Trim();
        }
    }

    private void AddStat(string prefix, string folder, int[] fields)
    {
        if (Proc.Stat(folder) is not { } stat)
            return;
        foreach (int field in fields)
            facts[$"{prefix}stat field {field}"] = stat[field - 3];
    }

    private void AddDescriptors(string folder)
    {
        foreach (string path in Directory.GetFileSystemEntries($"{folder}/fd"))
        {
            string fd = Path.GetFileName(path);
            string file = Proc.ReadLink(path) ?? "none";
            bool renewed = IsRenewed(file);
            string info = Proc.ReadText($"{folder}/fdinfo/{fd}") ?? "";
            IEnumerable<string> kept = info.Split('\n').Where(line => !line.StartsWith("mnt_id", StringComparison.Ordinal)
                && !(renewed && line.StartsWith("ino", StringComparison.Ordinal)));
            facts[$"fd {fd}"] = $"{WithoutNumber(file)} {string.Join(' ', kept)}";
        }
    }

    /// <summary>Objects without a lasting name are made anew, with a number of their own.</summary>
    internal static bool IsRenewed(string file) =>
        file.EndsWith(" (deleted)", StringComparison.Ordinal) || file.StartsWith("/proc/", StringComparison.Ordinal)
        || !file.StartsWith('/');

    /// <summary>pipe:[123] without 123, and a deleted file by its folder: its name may be another's now.</summary>
    internal static string WithoutNumber(string file) =>
        file.EndsWith(" (deleted)", StringComparison.Ordinal) && file.StartsWith('/') && !file.StartsWith("/memfd:", StringComparison.Ordinal)
            ? Path.GetDirectoryName(file) + "/… (deleted)"
            : NumberInBrackets().Replace(file, "[…]");

    [GeneratedRegex(@"\[\d+\]$")]
    private static partial Regex NumberInBrackets();

    private static string Readable(byte[]? bytes) =>
        bytes is null ? "none"
        : bytes.All(b => b is 0 or 9 or 10 or (>= 32 and < 127)) ? Encoding.ASCII.GetString(bytes).Replace('\0', ' ')
        : Convert.ToHexString(bytes);
}
