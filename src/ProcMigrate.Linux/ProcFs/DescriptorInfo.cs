using System.Globalization;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Linux.ProcFs;

/// <summary>/proc/PID/fdinfo/FD (proc_pid_fdinfo(5)).</summary>
public sealed record DescriptorInfo
{
    public required long Position { get; init; }
    public required OpenFlags Flags { get; init; }
    public required bool CloseOnExec { get; init; }
    public required int MountId { get; init; }

    /// <summary>All lines, for what only one kind of descriptor has.</summary>
    public required IReadOnlyList<string> Lines { get; init; }

    public static DescriptorInfo Of(int pid, int fd)
    {
        string[] lines = FileCalls.ReadText($"/proc/{pid}/fdinfo/{fd}").Split('\n', StringSplitOptions.RemoveEmptyEntries);
        var flags = (OpenFlags)Convert.ToInt32(Field(lines, "flags"), 8);
        return new DescriptorInfo
        {
            Position = long.Parse(Field(lines, "pos"), CultureInfo.InvariantCulture),
            // The kernel folds the descriptor's own close-on-exec into the open file's flags here, and only here.
            Flags = flags & ~OpenFlags.O_CLOEXEC,
            CloseOnExec = (flags & OpenFlags.O_CLOEXEC) != 0,
            MountId = int.Parse(Field(lines, "mnt_id"), CultureInfo.InvariantCulture),
            Lines = lines,
        };
    }

    /// <summary>The value of a line that not every kernel writes.</summary>
    public string? TryField(string name)
    {
        foreach (string line in Lines)
        {
            if (line.Length > name.Length && line[name.Length] == ':' && line.StartsWith(name, StringComparison.Ordinal))
                return line[(name.Length + 1)..].Trim();
        }
        return null;
    }

    /// <summary>The value of a line that must be there.</summary>
    public string Field(string name) => Field([.. Lines], name);

    private static string Field(string[] lines, string name)
    {
        string prefix = name + ":";
        foreach (string line in lines)
        {
            if (line.StartsWith(prefix, StringComparison.Ordinal))
                return line[prefix.Length..].Trim();
        }
        throw new FormatException($"fdinfo has no field {name}");
    }
}
