using System.Globalization;
using System.Text;
using ProcMigrate.Engine.Contracts;

namespace ProcMigrate.Cli.Output;

/// <summary>
/// One line on a terminal: phase, bar, amount, rate and time left, redrawn in place and wiped at the end. (A library that draws
/// this weighs more in the binary than the engine does.)
/// </summary>
internal sealed class ProgressBar(TextWriter terminal, Func<int> columns, TimeProvider clock) : IProgressDisplay
{
    private const int BarCells = 24;

    /// <summary>Less is done in milliseconds: a line for it would only flicker.</summary>
    private const long LeastWorthShowing = 1 << 20;
    private const string WipeLine = "\r\e[K";

    private readonly Lock gate = new();
    private readonly ProgressThrottle throttle = new(clock);
    private string phase = "";
    private long phaseBegan;
    private bool drawn;
    private bool disposed;

    public void Show(EngineProgress progress)
    {
        if (progress.Total < LeastWorthShowing)
            return;
        lock (gate)
        {
            if (disposed)
                return;
            if (progress.Phase != phase)
                (phase, phaseBegan) = (progress.Phase, clock.GetTimestamp());
            if (!throttle.IsDue())
                return;
            terminal.Write(WipeLine + Fit(Line(progress)));
            terminal.Flush();
            drawn = true;
        }
    }

    public void Dispose()
    {
        lock (gate)
        {
            disposed = true;
            if (!drawn)
                return;
            terminal.Write(WipeLine);
            terminal.Flush();
            drawn = false;
        }
    }

    private string Line(EngineProgress progress)
    {
        var done = Math.Clamp(progress.Done, 0, progress.Total);
        var share = (double)done / progress.Total;
        var filled = (int)(share * BarCells);
        var line = new StringBuilder()
            .Append(PlainTextWriter.Plain(progress.Phase)).Append("  [").Append('#', filled).Append('.', BarCells - filled).Append("] ")
            .Append((share * 100).ToString("0", CultureInfo.InvariantCulture)).Append("%  ")
            .Append(Amount.Bytes(done)).Append(" of ").Append(Amount.Bytes(progress.Total));
        if (TryGetRate(done, out var rate))
        {
            line.Append("  ").Append(Amount.Bytes((long)rate)).Append("/s  ")
                .Append(Amount.Seconds((progress.Total - done) / rate)).Append(" left");
        }

        return line.ToString();
    }

    /// <summary>Bytes a second since the phase began.</summary>
    private bool TryGetRate(long done, out double rate)
    {
        var seconds = clock.GetElapsedTime(phaseBegan).TotalSeconds;
        rate = seconds > 0 ? done / seconds : 0;
        return rate >= 1;
    }

    /// <summary>A line that wraps could not be wiped by one carriage return.</summary>
    private string Fit(string line) => columns() is var width and > 0 && line.Length >= width ? line[..(width - 1)] : line;
}
