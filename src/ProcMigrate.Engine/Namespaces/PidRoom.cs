using System.Globalization;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Namespaces;

/// <summary>
/// Where in a new pid namespace the numbers of our own processes and threads lie: the kernel deals them out upward from the last
/// one, and none may be one that the tree wants.
/// </summary>
internal static class PidRoom
{
    // Ours, their threads and all helpers of a restore; the kernel begins here too when it starts again from below.
    private const int Room = 1000;
    private const int Lowest = 300;

    /// <returns>A number from which on <see cref="Room"/> are free.</returns>
    public static int Find(List<int> taken) =>
        Find(taken, int.Parse(FileCalls.ReadText("/proc/sys/kernel/pid_max"), CultureInfo.InvariantCulture));

    internal static int Find(List<int> taken, int limit)
    {
        taken.Sort();
        int last = taken.Count == 0 ? 0 : taken[^1];
        // Above all of the tree's, so that what it starts next has a number above its own, as ever; else in the first gap.
        if (last + Room < limit)
            return Math.Max(last + 1, Lowest);
        int start = Lowest;
        foreach (int pid in taken)
        {
            if (pid >= start + Room)
                break;
            start = Math.Max(start, pid + 1);
        }
        return start;
    }
}
