namespace ProcMigrate.Remote;

/// <summary>
/// The far end of a remote verb's lifeline. sshd does not signal a command when its connection breaks, so a verb that somebody
/// on another host started would run to its end although that somebody is gone. What it does get is the end of its standard input.
/// </summary>
public static class RemoteLifeline
{
    /// <summary>Set for a verb whose standard input is a lifeline.</summary>
    public const string Variable = "PROCMIGRATE_LIFELINE";

    /// <summary>Begins to tell that host that this side is at work, and cancels <paramref name="cancel"/> when the caller's host lets go; does nothing for a verb run by hand.</summary>
    public static void Watch(CancellationTokenSource cancel)
    {
        RemoteHeartbeat.Start();
        if (Environment.GetEnvironmentVariable(Variable) is not null)
            new Thread(() => WaitForEnd(Console.OpenStandardInput(), cancel)) { IsBackground = true, Name = "lifeline" }.Start();
    }

    internal static void WaitForEnd(Stream input, CancellationTokenSource cancel)
    {
        try
        {
            Span<byte> ignored = stackalloc byte[256];
            while (input.Read(ignored) > 0)
            {
            }
        }
        catch (IOException)
        {
            // A broken input is as much an end as a closed one.
        }

        try
        {
            cancel.Cancel();
        }
        catch (ObjectDisposedException)
        {
            // The verb ended first.
        }
    }
}
