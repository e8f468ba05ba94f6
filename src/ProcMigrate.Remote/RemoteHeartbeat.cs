using System.Globalization;
using System.Text;
using ProcMigrate.Linux;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Remote;

/// <summary>
/// The far side's sign of life: a short line on stderr now and then, whatever else it is busy with. Whoever waits for it may hold a frozen
/// program, and must neither wait for ever nor give up a host that only takes its time.
/// </summary>
internal static class RemoteHeartbeat
{
    /// <summary>Set by whoever listens: milliseconds between two signs, and what the line begins with.</summary>
    public const string Variable = "PROCMIGRATE_HEARTBEAT";

    private const int StandardError = 2;
    private const int MinMilliseconds = 10;

    /// <summary>The whole line. It begins on a new line, whatever was written before.</summary>
    /// <param name="marker">Begins each line of ours on the connection; ends in a space.</param>
    public static string LineOf(string marker) => $"\n{marker}alive\n";

    /// <summary>Beats until the process ends, if somebody listens.</summary>
    public static void Start()
    {
        if (Environment.GetEnvironmentVariable(Variable)?.Split(' ', 2) is not [var every, var marker]
            || !int.TryParse(every, NumberStyles.None, CultureInfo.InvariantCulture, out int pause) || pause < MinMilliseconds)
            return;
        byte[] line = Encoding.UTF8.GetBytes(LineOf(marker + " "));
        new Thread(() => Beat(line, pause)) { IsBackground = true, Name = "heartbeat" }.Start();
    }

    /// <summary>Shorter than PIPE_BUF, so that no line is torn apart; and nobody's failure, if nobody listens any more.</summary>
    private static unsafe void Beat(byte[] line, int pause)
    {
        long written;
        do
        {
            Thread.Sleep(pause);
            fixed (byte* bytes = line)
                written = RawSyscall.Try(SyscallNumber.write, StandardError, (nint)bytes, line.Length);
        }
        while (written is >= 0 or -Errno.EINTR or -Errno.EAGAIN);
    }
}
