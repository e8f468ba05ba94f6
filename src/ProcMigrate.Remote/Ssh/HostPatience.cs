using System.Globalization;

namespace ProcMigrate.Remote.Ssh;

/// <summary>
/// For how long a host may show no sign of life. What has to be there within a time is such a sign, and no result: a host may be slow,
/// and a restore over there may take long, but while a program here stands still for a host, that host has to tell that it is at work.
/// </summary>
internal static class HostPatience
{
    /// <summary>Set to seconds, for hosts that are slower, or lines that are worse, than what the default is meant for.</summary>
    public const string Variable = "PROCMIGRATE_PATIENCE";

    private const int DefaultSeconds = 30;
    private const int MaxSeconds = 3600;

    /// <summary>A login runs start-up files, asks directories, and may pass through several hosts.</summary>
    private const int LoginFactor = 4;

    /// <summary>The executable is written to the disk there by a shell, which tells nothing meanwhile.</summary>
    private const int StoreFactor = 10;

    /// <summary>Alive or not: a description is judged, or the last of an image put in its place, in this time.</summary>
    private const int StepFactor = 20;
    private const int CommitFactor = 2;
    private const int BeatsInPatience = 6;

    public static TimeSpan Silence => TimeSpan.FromSeconds(Seconds());

    public static TimeSpan Login => Silence * LoginFactor;

    public static TimeSpan Store => Silence * StoreFactor;

    public static TimeSpan Step => Silence * StepFactor;

    /// <summary>From the word that the tree may run to the answer that it does nothing is left to do but to let go of it.</summary>
    public static TimeSpan Commit => Silence * CommitFactor;

    /// <summary>How long a host is asked what became of a tree.</summary>
    public static TimeSpan Settle => Silence * LoginFactor;

    /// <summary>How often the far side tells that it is at work.</summary>
    public static TimeSpan Beat => Silence / BeatsInPatience;

    private static int Seconds()
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { Length: > 0 } text)
            return DefaultSeconds;
        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int seconds) && seconds is > 0 and <= MaxSeconds
            ? seconds
            : throw new RemoteException(
                RemoteFailure.BadPatience, "", $"{Variable} is \"{FarText.Clean(text)}\": a number of seconds from 1 to {MaxSeconds} is expected.");
    }
}
