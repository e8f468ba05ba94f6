using System.Globalization;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Linux.ProcFs;

/// <summary>A line of /proc/PID/mountinfo (proc_pid_mountinfo(5)).</summary>
/// <param name="Device">The device number as the kernel has it, see <see cref="FileStatus.KernelDevice"/>.</param>
/// <param name="Root">The folder of the file system that is mounted here.</param>
/// <param name="Path">Where it is mounted.</param>
/// <param name="Parent">The mount that it is mounted on.</param>
/// <param name="Options">Of this mount, such as <c>rw,nosuid</c>; the file system's own stand elsewhere.</param>
public sealed record MountPoint(int Id, ulong Device, string Root, string Path, string FileSystem, int Parent, string Options)
{
    public static List<MountPoint> ReadAll(string process = "self") => ParseAll(FileCalls.ReadText($"/proc/{process}/mountinfo"));

    /// <param name="text">What such a file says.</param>
    public static List<MountPoint> ParseAll(string text) => [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(Parse)];

    /// <summary>"36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw": a variable number of fields before the dash.</summary>
    private static MountPoint Parse(string line)
    {
        string[] fields = line.Split(' ');
        string[] device = fields[2].Split(':');
        return new MountPoint(
            int.Parse(fields[0], CultureInfo.InvariantCulture),
            ulong.Parse(device[0], CultureInfo.InvariantCulture) << 20 | ulong.Parse(device[1], CultureInfo.InvariantCulture),
            Unescape(fields[3]), Unescape(fields[4]), fields[Array.IndexOf(fields, "-") + 1],
            int.Parse(fields[1], CultureInfo.InvariantCulture), fields[5]);
    }

    /// <summary>Blank, tab, newline and backslash are written as \040 and so on.</summary>
    public static string Unescape(string text)
    {
        if (!text.Contains('\\', StringComparison.Ordinal))
            return text;
        foreach ((string escape, string character) in (ReadOnlySpan<(string, string)>)[("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")])
            text = text.Replace(escape, character, StringComparison.Ordinal);
        return text;
    }
}
