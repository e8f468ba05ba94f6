namespace ProcMigrate.Linux.Terminals;

/// <summary>A device by its numbers, as the kernel packs them into one word for TIOCGDEV and /proc/PID/stat (new_encode_dev).</summary>
public readonly record struct DeviceNumber(uint Major, uint Minor)
{
    // Documentation/admin-guide/devices.txt
    private const uint FirstPtySlaveMajor = 136;
    private const uint LastPtySlaveMajor = 143;
    private const uint MinorsPerMajor = 256;

    public static DeviceNumber Decode(uint packed) => new((packed >> 8) & 0xfff, (packed & 0xff) | ((packed >> 12) & 0xfff00));

    /// <summary>N of /dev/pts/N, or null for what is no slave of a Unix98 pty.</summary>
    public int? PtyNumber => Major is >= FirstPtySlaveMajor and <= LastPtySlaveMajor
        ? (int)((Major - FirstPtySlaveMajor) * MinorsPerMajor + Minor)
        : null;

    public override string ToString() => $"{Major}:{Minor}";
}
