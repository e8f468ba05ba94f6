using System.Globalization;

namespace ProcMigrate.PowerShell.Running;

/// <summary>Turns counts of bytes into what a progress bar shows: percent, rate and time left; at most ten times a second.</summary>
internal sealed class ProgressMeter(TimeProvider clock)
{
    /// <summary>The one phase that counts processes, and is over before there would be a rate.</summary>
    private const string Collect = "collect";

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    /// <summary>The first moments say nothing of the rate.</summary>
    private static readonly TimeSpan FirstEstimate = TimeSpan.FromMilliseconds(500);

    private string? phase;
    private long phaseStart;
    private long? lastShown;

    /// <summary>Null where it is too early for another update.</summary>
    public ProgressReading? Read(string phaseName, long done, long total)
    {
        var now = clock.GetTimestamp();
        if (phase != phaseName)
            (phase, phaseStart) = (phaseName, now);
        if (lastShown is { } last && clock.GetElapsedTime(last, now) < Pause)
            return null;
        lastShown = now;
        if (phaseName == Collect)
            return new(-1, total > 0 ? $"{Collect}: {total} {(total == 1 ? "process" : "processes")}" : Collect, -1);
        var elapsed = clock.GetElapsedTime(phaseStart, now);
        var percent = total > 0 ? (int)Math.Clamp(done * 100.0 / total, 0, 100) : -1;
        var amount = total > 0 ? $"{phaseName}: {ByteText.Of(done)} of {ByteText.Of(total)}" : phaseName;
        if (elapsed < FirstEstimate || done <= 0 || total <= 0)
            return new(percent, amount, -1);
        var rate = done / elapsed.TotalSeconds;
        var left = (int)Math.Min(int.MaxValue, Math.Ceiling(Math.Max(0, total - done) / rate));
        return new(percent, $"{amount}, {ByteText.Of((long)rate)}/s", left);
    }
}

/// <param name="Percent">-1 where it is not known.</param>
/// <param name="SecondsLeft">-1 where it is not known.</param>
internal sealed record ProgressReading(int Percent, string Status, int SecondsLeft);

/// <summary>Bytes as people say them.</summary>
internal static class ByteText
{
    private static readonly string[] Units = ["B", "KiB", "MiB", "GiB", "TiB"];

    public static string Of(long bytes)
    {
        var (value, unit) = ((double)bytes, 0);
        for (; Math.Abs(value) >= 1024 && unit < Units.Length - 1; unit++)
            value /= 1024;
        return unit == 0 ? $"{bytes} B" : string.Create(CultureInfo.InvariantCulture, $"{value:0.0} {Units[unit]}");
    }
}
