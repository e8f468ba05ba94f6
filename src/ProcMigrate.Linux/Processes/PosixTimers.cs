using System.Globalization;
using System.Runtime.InteropServices;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Linux.Processes;

/// <summary>struct sigevent on 64-bit processors.</summary>
[StructLayout(LayoutKind.Sequential, Size = 64)]
public struct SignalEvent
{
    public const int SIGEV_SIGNAL = 0;
    public const int SIGEV_NONE = 1;
    public const int SIGEV_THREAD = 2;
    public const int SIGEV_THREAD_ID = 4;

    public ulong sigev_value;
    public int sigev_signo;
    public int sigev_notify;
    public int sigev_notify_thread_id;
}

/// <summary>struct itimerspec.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct TimerSpec
{
    public TimeSpec it_interval;
    public TimeSpec it_value;
}

/// <summary>A timer of timer_create(2), as /proc/PID/timers shows it.</summary>
/// <param name="Notify">SIGEV_SIGNAL, SIGEV_NONE, SIGEV_THREAD, possibly with SIGEV_THREAD_ID.</param>
/// <param name="Target">The process or thread it notifies.</param>
public sealed record PosixTimer(int Id, int Clock, int Notify, int Signal, ulong Value, int Target)
{
    public static IReadOnlyList<PosixTimer> Of(int pid) => Parse(FileCalls.ReadText($"/proc/{pid}/timers"));

    internal static IReadOnlyList<PosixTimer> Parse(string text)
    {
        var timers = new List<PosixTimer>();
        foreach (string line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            int colon = line.IndexOf(':', StringComparison.Ordinal);
            string value = line[(colon + 1)..].Trim();
            switch (line[..colon])
            {
                case "ID":
                    timers.Add(new PosixTimer(Int(value), 0, 0, 0, 0, 0));
                    break;
                case "signal":
                    string[] signal = value.Split('/');
                    timers[^1] = timers[^1] with
                    {
                        Signal = Int(signal[0]),
                        Value = ulong.Parse(signal[1], NumberStyles.HexNumber, CultureInfo.InvariantCulture),
                    };
                    break;
                case "notify":
                    timers[^1] = WithNotify(timers[^1], value);
                    break;
                case "ClockID":
                    timers[^1] = timers[^1] with { Clock = Int(value) };
                    break;
            }
        }
        return timers;
    }

    /// <summary>"signal/pid.1234", "none/pid.1234", "signal/tid.1235".</summary>
    private static PosixTimer WithNotify(PosixTimer timer, string value)
    {
        string[] parts = value.Split('/', '.');
        int notify = parts[0] switch
        {
            "signal" => SignalEvent.SIGEV_SIGNAL,
            "none" => SignalEvent.SIGEV_NONE,
            "thread" => SignalEvent.SIGEV_THREAD,
            _ => throw new FormatException($"timer notification {value}"),
        };
        return timer with { Notify = notify | (parts[1] == "tid" ? SignalEvent.SIGEV_THREAD_ID : 0), Target = Int(parts[2]) };
    }

    private static int Int(string text) => int.Parse(text, CultureInfo.InvariantCulture);
}
