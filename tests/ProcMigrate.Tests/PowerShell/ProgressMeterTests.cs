using ProcMigrate.PowerShell.Running;
using ProcMigrate.Tests.Cli;
using Xunit;

namespace ProcMigrate.Tests.PowerShell;

public sealed class ProgressMeterTests
{
    private const long MiB = 1 << 20;
    private readonly ManualClock clock = new();

    [Fact]
    public void Rate_And_TimeLeft_ComeFromTheBytes()
    {
        var meter = new ProgressMeter(clock);
        Assert.Equal((0, "memory: 0 B of 100.0 MiB", -1), Tuple(meter.Read("memory", 0, 100 * MiB)));
        clock.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal((20, "memory: 20.0 MiB of 100.0 MiB, 10.0 MiB/s", 8), Tuple(meter.Read("memory", 20 * MiB, 100 * MiB)));
    }

    [Fact]
    public void TenUpdatesASecond_AreEnough()
    {
        var meter = new ProgressMeter(clock);
        var shown = 0;
        for (var step = 0; step < 1000; step++)
        {
            shown += meter.Read("memory", step, 1000) is null ? 0 : 1;
            clock.Advance(TimeSpan.FromMilliseconds(1));
        }

        Assert.Equal(10, shown);
    }

    [Fact]
    public void ANewPhase_IsCountedAnew()
    {
        var meter = new ProgressMeter(clock);
        meter.Read("deploy", 0, MiB);
        clock.Advance(TimeSpan.FromSeconds(10));
        meter.Read("send", 0, 100 * MiB);
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal((50, "send: 50.0 MiB of 100.0 MiB, 50.0 MiB/s", 1), Tuple(meter.Read("send", 50 * MiB, 100 * MiB)));
    }

    [Fact]
    public void WithoutATotal_NothingIsGuessed() => Assert.Equal((-1, "collect", -1), Tuple(new ProgressMeter(clock).Read("collect", 5, 0)));

    [Theory]
    [InlineData(1, "collect: 1 process")]
    [InlineData(30, "collect: 30 processes")]
    public void Processes_AreNoBytes(int processes, string status) =>
        Assert.Equal((-1, status, -1), Tuple(new ProgressMeter(clock).Read("collect", 0, processes)));

    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(1023, "1023 B")]
    [InlineData(1536, "1.5 KiB")]
    [InlineData(5L << 40, "5.0 TiB")]
    [InlineData(5L << 50, "5120.0 TiB")]
    public void Bytes_AsPeopleSayThem(long bytes, string expected) => Assert.Equal(expected, ByteText.Of(bytes));

    private static (int Percent, string Status, int SecondsLeft) Tuple(ProgressReading? reading) =>
        (Assert.IsType<ProgressReading>(reading).Percent, reading.Status, reading.SecondsLeft);
}
