using System.Globalization;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Kinds;

/// <summary>Names of device drivers from /proc/devices.</summary>
internal static class DeviceDrivers
{
    public static string NameOf(in FileStatus status)
    {
        string section = status.Type == FileType.BlockDevice ? "Block devices:" : "Character devices:";
        bool inside = false;
        foreach (string line in FileCalls.ReadText("/proc/devices").Split('\n'))
        {
            if (line.EndsWith(':'))
                inside = line == section;
            string[] fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (inside && fields.Length == 2 && uint.TryParse(fields[0], CultureInfo.InvariantCulture, out uint major)
                && major == status.RealDeviceMajor)
                return fields[1];
        }
        return "unknown";
    }
}
