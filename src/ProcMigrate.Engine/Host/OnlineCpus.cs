using System.Globalization;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Host;

/// <summary>The CPUs of this host.</summary>
internal static class OnlineCpus
{
    /// <summary>As a mask, least significant bit CPU 0, in whole 8-byte words as the kernel takes it.</summary>
    public static byte[] Mask { get; } = Read();

    public static int Count => Mask.Sum(b => int.PopCount(b));

    /// <summary>/sys/devices/system/cpu/online: "0-3,5".</summary>
    private static byte[] Read()
    {
        byte[] mask = new byte[8];
        foreach (string range in FileCalls.ReadText("/sys/devices/system/cpu/online").Trim().Split(','))
        {
            string[] ends = range.Split('-');
            int last = int.Parse(ends[^1], CultureInfo.InvariantCulture);
            if (last / 8 >= mask.Length)
                Array.Resize(ref mask, (last / 64 + 1) * 8);
            for (int cpu = int.Parse(ends[0], CultureInfo.InvariantCulture); cpu <= last; cpu++)
                mask[cpu / 8] |= (byte)(1 << cpu % 8);
        }
        return mask;
    }
}
