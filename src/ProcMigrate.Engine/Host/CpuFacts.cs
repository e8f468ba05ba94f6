using System.Runtime.Intrinsics.X86;
using ProcMigrate.Engine.Checks;
using ProcMigrate.Engine.Inject.X64;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Host;

/// <summary>The processor of this host (CPUID, /proc/cpuinfo).</summary>
internal static class CpuFacts
{
    private const int XsaveLeaf = 0xd;
    private const int FirstExtendedComponent = 2;
    private const int LastComponent = 62;

    public static CpuRecord Read()
    {
        Dictionary<string, string> info = ReadCpuInfo();
        ulong xcr0 = ExtendedControl.Xcr0;
        return new CpuRecord
        {
            Vendor = info.GetValueOrDefault("vendor_id", "unknown"),
            Model = info.GetValueOrDefault("model name", "unknown"),
            Features = CpuFeatures.Read(xcr0),
            Xcr0 = xcr0,
            XsaveLayout = XsaveLayout(xcr0),
        };
    }

    private static List<XsaveComponentRecord> XsaveLayout(ulong xcr0)
    {
        var layout = new List<XsaveComponentRecord>();
        for (int bit = FirstExtendedComponent; bit <= LastComponent; bit++)
        {
            if ((xcr0 >> bit & 1) == 0)
                continue;
            (int size, int offset, _, _) = X86Base.CpuId(XsaveLeaf, bit);
            layout.Add(new XsaveComponentRecord(bit, offset, size));
        }
        return layout;
    }

    private static Dictionary<string, string> ReadCpuInfo()
    {
        var info = new Dictionary<string, string>();
        foreach (string line in FileCalls.ReadText("/proc/cpuinfo").Split('\n'))
        {
            if (line.Length == 0)
                break; // the first processor is enough
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon > 0)
                info[line[..colon].Trim()] = line[(colon + 1)..].Trim();
        }
        return info;
    }
}
