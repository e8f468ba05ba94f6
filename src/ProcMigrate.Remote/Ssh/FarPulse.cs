namespace ProcMigrate.Remote.Ssh;

/// <summary>
/// What a host is waited for, and for how long it has not shown that it is at work. Only time in which somebody waited counts: while we
/// were busy, or stopped (Ctrl-Z), what the host said meanwhile lies unread.
/// </summary>
internal sealed class FarPulse
{
    /// <summary>Whoever waits looks several times a second; a longer pause was none of waiting.</summary>
    private static readonly TimeSpan LongestLook = TimeSpan.FromSeconds(1);

    private readonly Lock gate = new();
    private string step = "";
    private TimeSpan silence = TimeSpan.MaxValue;
    private TimeSpan limit = TimeSpan.MaxValue;
    private bool anyByteCounts;
    private TimeSpan quiet;
    private TimeSpan waited;
    private long lastLook;

    /// <summary>A new wait begins.</summary>
    /// <param name="what">What the host is to do, as in "while it was to …".</param>
    /// <param name="silent">Without a sign of life.</param>
    /// <param name="inAll">Whatever signs there are; null: as long as it takes.</param>
    /// <param name="bytes">Any byte is a sign; else one that trickles them in could go on for ever.</param>
    public void Expect(string what, TimeSpan silent, TimeSpan? inAll = null, bool bytes = false)
    {
        lock (gate)
        {
            (step, silence, limit, anyByteCounts) = (what, silent, inAll ?? TimeSpan.MaxValue, bytes);
            quiet = waited = TimeSpan.Zero;
            lastLook = Environment.TickCount64;
        }
    }

    /// <summary>There is no use in waiting longer than so from now on.</summary>
    public void Hurry(TimeSpan rest)
    {
        lock (gate)
            limit = waited + rest < limit ? waited + rest : limit;
    }

    /// <summary>The host is at work.</summary>
    public void Sign()
    {
        lock (gate)
            quiet = TimeSpan.Zero;
    }

    /// <summary>Something came, whatever it is.</summary>
    public void Came()
    {
        if (anyByteCounts)
            Sign();
    }

    /// <summary>Looks at the time. Where patience has ended: why, as in "HOST …". Else null.</summary>
    public string? Overdue()
    {
        lock (gate)
        {
            long now = Environment.TickCount64;
            TimeSpan passed = TimeSpan.FromMilliseconds(now - lastLook);
            lastLook = now;
            passed = passed < LongestLook ? passed : LongestLook;
            (quiet, waited) = (quiet + passed, waited + passed);
            if (quiet > silence)
                return $"gave no sign of life for {silence.TotalSeconds:0} s while it was to {step}";
            return waited > limit ? $"was not done after {limit.TotalSeconds:0} s, while it was to {step}" : null;
        }
    }
}
