using ProcMigrate.Cli.Output;
using Xunit;

namespace ProcMigrate.Tests.Cli;

public sealed class ProgressBarTests : IDisposable
{
    private readonly ManualClock clock = new();
    private readonly StringWriter terminal = new();

    public void Dispose() => terminal.Dispose();

    [Fact]
    public void ShowsAmountRateAndTimeLeft_AndWipesItself()
    {
        using (var bar = new ProgressBar(terminal, () => 200, clock))
        {
            bar.Show(new("memory", 0, 64 << 20));
            clock.Advance(TimeSpan.FromSeconds(2));
            bar.Show(new("memory", 32 << 20, 64 << 20));
        }

        Assert.Equal(
            "\r\e[Kmemory  [........................] 0%  0 B of 64.0 MiB"
            + "\r\e[Kmemory  [############............] 50%  32.0 MiB of 64.0 MiB  16.0 MiB/s  0:02 left"
            + "\r\e[K",
            terminal.ToString());
    }

    [Fact]
    public void NeverFillsTheLastColumn()
    {
        using var bar = new ProgressBar(terminal, () => 20, clock);
        bar.Show(new("memory", 1 << 20, 2 << 20));
        Assert.Equal("\r\e[Kmemory  [##########", terminal.ToString());
    }

    [Fact]
    public void WhatIsDoneAtOnce_IsNotShown()
    {
        using (var bar = new ProgressBar(terminal, () => 80, clock))
        {
            bar.Show(new("collect", 0, 0));
            bar.Show(new("memory", 0, 4096));
        }

        Assert.Empty(terminal.ToString());
    }

    [Theory]
    [InlineData(0.2, "0:01")]
    [InlineData(61, "1:01")]
    [InlineData(3 * 3600 + 300, "3:05:00")]
    [InlineData(30 * 3600, "30:00:00")]
    public void Seconds_AreReadable(double seconds, string expected) => Assert.Equal(expected, Amount.Seconds(seconds));

    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(1023, "1023 B")]
    [InlineData(1024, "1.0 KiB")]
    [InlineData(150L << 20, "150 MiB")]
    [InlineData(long.MaxValue, "8.0 EiB")]
    public void Bytes_AreReadable(long bytes, string expected) => Assert.Equal(expected, Amount.Bytes(bytes));
}
