using ProcMigrate.Cli.Output;
using Xunit;

namespace ProcMigrate.Tests.Cli;

public sealed class ProgressThrottleTests
{
    [Fact]
    public void LetsOneThroughEveryTenthOfASecond()
    {
        var clock = new ManualClock();
        var throttle = new ProgressThrottle(clock);
        var through = 0;
        for (var ms = 0; ms < 1000; ms++, clock.Advance(TimeSpan.FromMilliseconds(1)))
            through += throttle.IsDue() ? 1 : 0;
        Assert.Equal(10, through);
    }
}
