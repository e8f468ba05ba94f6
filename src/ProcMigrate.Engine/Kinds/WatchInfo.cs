using System.Globalization;

namespace ProcMigrate.Engine.Kinds;

/// <summary>
/// A line of an inotify's fdinfo, or a fanotify's about a file: <c>inotify wd:3 ino:9e7e sdev:800013 mask:800afce ignored_mask:0 fhandle-bytes:8
/// fhandle-type:1 f_handle:7e9e0000640d1b6d</c>, all numbers hexadecimal. File systems without handles leave those out,
/// fanotify the number.
/// </summary>
internal sealed record WatchInfo(int Number, ulong Inode, ulong Device, uint Mask, int HandleType, byte[]? Handle)
{
    public static WatchInfo Parse(string line) => Of(Fields(line));

    public static WatchInfo Of(Dictionary<string, string> fields) => new(
        fields.TryGetValue("wd", out string? number) ? (int)Hex(number) : 0,
        Hex(fields["ino"]), Hex(fields["sdev"]), (uint)Hex(fields["mask"]),
        fields.TryGetValue("fhandle-type", out string? type) ? (int)Hex(type) : 0,
        fields.TryGetValue("f_handle", out string? handle) ? Convert.FromHexString(handle) : null);

    /// <summary>What stands before and after the colon of each word that has one.</summary>
    public static Dictionary<string, string> Fields(string line) => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)
        .Select(word => word.Split(':', 2))
        .Where(pair => pair.Length == 2)
        .ToDictionary(pair => pair[0], pair => pair[1]);

    public static ulong Hex(string text) => ulong.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
