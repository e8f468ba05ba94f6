// A .NET program under test: timers of each sort tick while it is saved and restored, and it judges by itself whether they have gone on at
// their rate. Arguments: the file that gets READY and a verdict (tests/programs/README.md), and one whose coming says that it is time to judge.
using System.Diagnostics;
using ProcMigrate.Ticks;

TimeSpan period = TimeSpan.FromMilliseconds(50), delay = TimeSpan.FromSeconds(8), watched = TimeSpan.FromSeconds(2);
string report = args[0], go = args[1];
DateTime start = DateTime.UtcNow;
var why = new List<string>();

var periodic = new Ticker("PeriodicTimer");
var beat = new PeriodicTimer(period);
_ = Task.Run(async () =>
{
    while (await beat.WaitForNextTickAsync())
        periodic.Tick();
});
var pool = new Ticker("Timer");
using var timer = new Timer(_ => pool.Tick(), null, period, period);
long asked = Stopwatch.GetTimestamp();
Task<(TimeSpan Clock, TimeSpan Wall)> pending = Task.Run(async () =>
{
    await Task.Delay(delay);
    return (Stopwatch.GetElapsedTime(asked), DateTime.UtcNow - start);
});

while (periodic.Count < 3 || pool.Count < 3)
    Thread.Sleep(10);
File.AppendAllText(report, "READY\n");
while (!File.Exists(go))
    Thread.Sleep(20);

Ticker[] tickers = [periodic, pool];
long[] before = [.. tickers.Select(t => t.Count)];
DateTime from = DateTime.UtcNow;
while (DateTime.UtcNow - from < watched)
    Thread.Sleep(20);
for (int i = 0; i < tickers.Length; i++)
    tickers[i].Judge(before[i], DateTime.UtcNow - from, DateTime.UtcNow - start, period, why);

// What has been waited for is a matter of seconds by any clock: neither at once nor days later.
(TimeSpan clock, TimeSpan wall) = await pending;
if (clock < delay || wall < delay - Ticker.ClockError)
    why.Add($"the delay was over after {clock}, {wall} by the wall clock");
TimeSpan life = DateTime.UtcNow - start, counted = Stopwatch.GetElapsedTime(asked);
if (counted > life + Ticker.ClockError)
    why.Add($"the clock has counted {counted} in {life}");
File.AppendAllText(report, why.Count == 0 ? "PASS\n" : $"FAIL: {string.Join("; ", why)}\n");
return why.Count == 0 ? 0 : 1;
