using ProcMigrate.Engine.Restore;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Processes;

namespace ProcMigrate.Engine.Host;

/// <summary>This host, at this instant.</summary>
internal static class HostFacts
{
    public static string BootId() => FileCalls.ReadText("/proc/sys/kernel/random/boot_id").Trim();

    public static OriginRecord Read()
    {
        ClockOffsets offsets = ClockOffsets.OfProcess("self");
        return new OriginRecord
        {
            HostName = FileCalls.ReadText("/proc/sys/kernel/hostname").Trim(),
            KernelRelease = FileCalls.ReadText("/proc/sys/kernel/osrelease").Trim(),
            BootId = BootId(),
            MonotonicNs = Clock.Now(Clock.CLOCK_MONOTONIC),
            BoottimeNs = Clock.Now(Clock.CLOCK_BOOTTIME),
            RealtimeNs = Clock.Now(Clock.CLOCK_REALTIME),
            Cpu = CpuFacts.Read(),
            MonotonicOffsetNs = offsets.Monotonic,
            BoottimeOffsetNs = offsets.Boottime,
        };
    }
}
