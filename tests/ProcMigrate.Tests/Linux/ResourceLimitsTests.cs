using ProcMigrate.Linux.Processes;

namespace ProcMigrate.Tests.Linux;

public class ResourceLimitsTests
{
    /// <summary>The titles of /proc/PID/limits are in the order of the numbers: the kernel's own answer by number says so.</summary>
    [Fact]
    public void LimitsFromProc_AreThoseThatTheKernelAnswersByNumber()
    {
        IReadOnlyList<(int Resource, ulong Soft, ulong Hard)> limits = ResourceLimits.Of(Environment.ProcessId);
        Assert.Equal(Enumerable.Range(0, 16), limits.Select(l => l.Resource).Order());
        foreach ((int resource, ulong soft, ulong hard) in limits)
        {
            ResourceLimit own = ResourceLimits.GetOwn(resource);
            Assert.Equal((resource, own.rlim_cur, own.rlim_max), (resource, soft, hard));
        }
    }
}
