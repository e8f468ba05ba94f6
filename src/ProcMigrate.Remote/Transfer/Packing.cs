using System.Diagnostics;

namespace ProcMigrate.Remote.Transfer;

/// <summary>Whether what is sent is compressed.</summary>
public enum Compression
{
    None,
    Lz4,

    /// <summary>As it turns out to be faster, which is found out all the time.</summary>
    Auto,
}

/// <summary>
/// Decides by measuring. A stretch of the image is sent packed, the next one as it is; what went faster, counted in bytes of the image
/// a second, is kept, and the other tried again from time to time. That takes all into account that matters: how well these bytes can be
/// compressed, how fast the line is, how many processors have time to spare on either side.
/// </summary>
internal sealed class Packing(Compression mode)
{
    private const long Trial = 8L << 20;
    private const int StretchesBetweenTrials = 24;

    private readonly Lock gate = new();
    private readonly double[] rates = new double[2];
    private readonly int[] age = [StretchesBetweenTrials, StretchesBetweenTrials];
    private long start = Stopwatch.GetTimestamp();
    private long done;
    private bool packs = mode != Compression.None;

    /// <summary>Bytes that went packed, and in all, before packing.</summary>
    public long Packed { get; private set; }
    public long Total { get; private set; }

    /// <summary>Whether the next piece is to be packed.</summary>
    public bool Packs
    {
        get
        {
            lock (gate)
                return packs;
        }
    }

    public void Sent(int bytes, bool packed)
    {
        lock (gate)
        {
            Total += bytes;
            Packed += packed ? bytes : 0;
            done += bytes;
            if (mode == Compression.Auto && done >= Trial)
                Decide();
        }
    }

    private void Decide()
    {
        int now = packs ? 1 : 0;
        rates[now] = done / Math.Max(Stopwatch.GetElapsedTime(start).TotalSeconds, 1e-6);
        age[now] = 0;
        int other = 1 - now;
        if (++age[other] > StretchesBetweenTrials)
            packs = other == 1;
        else
            packs = rates[1] > rates[0];
        (done, start) = (0, Stopwatch.GetTimestamp());
    }
}
