using System.Diagnostics;

namespace ProcMigrate.SystemTests.Harness;

/// <summary>Waits for what must come. The limit is against hanging only: no test is about time.</summary>
internal static class Wait
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(120);

    internal static void Until(Func<bool> condition, Func<string> otherwise)
    {
        long start = Stopwatch.GetTimestamp();
        while (!condition())
        {
            if (Stopwatch.GetElapsedTime(start) > Limit)
                throw new TimeoutException(otherwise());
            Thread.Sleep(5);
        }
    }
}
