using System.Globalization;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Linux.ProcFs;

/// <summary>/proc/TID/status, by the kernel's own field names.</summary>
public sealed class ProcStatus
{
    private readonly Dictionary<string, string> _fields = [];
    private readonly string _path;

    private ProcStatus(string path) => _path = path;

    public static ProcStatus Of(int tid)
    {
        string path = $"/proc/{tid}/status";
        var status = new ProcStatus(path);
        foreach (string line in FileCalls.ReadText(path).Split('\n'))
        {
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon > 0)
                status._fields[line[..colon]] = line[(colon + 1)..].Trim();
        }
        return status;
    }

    public string Text(string field) =>
        _fields.TryGetValue(field, out string? value) ? value : throw new FormatException($"{_path} has no field {field}");

    public string? TryText(string field) => _fields.GetValueOrDefault(field);

    public int Number(string field) => int.Parse(Text(field), CultureInfo.InvariantCulture);

    public ulong Hex(string field) => ulong.Parse(Text(field), NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    public int Octal(string field) => Convert.ToInt32(Text(field), 8);

    public uint[] Numbers(string field) =>
        [.. Text(field).Split((char[])['\t', ' '], StringSplitOptions.RemoveEmptyEntries)
            .Select(t => uint.Parse(t, CultureInfo.InvariantCulture))];
}
