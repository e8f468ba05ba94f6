using System.Diagnostics;
using System.Globalization;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Endings;

/// <summary>
/// Runs the binary and has something happen right before one of its system calls, a random one: see tests/programs/killat.c. How many a
/// command makes is asked first; it differs a little from run to run.
/// </summary>
internal sealed class AtCall(TempFolder folder, int seed)
{
    private const string Ptrace = "101";
    private readonly Random chance = new(seed);
    private TimeSpan longest;

    /// <summary>Where the binary keeps its records, so that no other run's are among them.</summary>
    internal string State => folder["state"];

    internal IReadOnlyList<string> Records =>
        Directory.Exists($"{State}/procmigrate/restoring") ? Directory.GetFiles($"{State}/procmigrate/restoring") : [];

    /// <summary>Runs to its end, and returns the number of calls.</summary>
    internal int Count(params string[] arguments) => Count([], arguments);

    internal int CountPtrace(params string[] arguments) => Count([$"KILLAT_CALL={Ptrace}"], arguments);

    /// <summary>A call of the last nine tenths: before, .NET has only begun to start.</summary>
    internal int Any(int calls) => chance.Next(calls / 10, calls);

    internal Answer Signal(int call, int signal, params string[] arguments) => Run([], call, signal, 0, arguments);

    internal Answer Kill(int call, int pid, params string[] arguments) => Run([], call, Native.SIGKILL, pid, arguments);

    internal Answer FailPtrace(int call, int errno, params string[] arguments) => Run([$"KILLAT_CALL={Ptrace}"], call, -errno, 0, arguments);

    /// <summary>Not asserted, since machines are busy; told.</summary>
    internal void TellLongest() =>
        TestContext.Current.TestOutputHelper?.WriteLine(string.Create(CultureInfo.InvariantCulture, $"the longest run took {longest.TotalMilliseconds:0} ms"));

    private int Count(string[] environment, string[] arguments)
    {
        Answer answer = Run([$"KILLAT_COUNT={folder["count"]}", .. environment], 0, 0, 0, arguments);
        Assert.True(answer.ExitCode == 0, answer.ToString());
        return int.Parse(File.ReadAllText(folder["count"]), CultureInfo.InvariantCulture);
    }

    private Answer Run(string[] environment, int call, int signal, int pid, string[] arguments)
    {
        long start = Stopwatch.GetTimestamp();
        Answer answer = Binary.RunAs(
            ["/usr/bin/env", $"XDG_STATE_HOME={State}", .. environment, Places.Program("killat"), $"{call}", $"{signal}", $"{pid}"], arguments);
        TimeSpan took = Stopwatch.GetElapsedTime(start);
        longest = took > longest ? took : longest;
        return answer;
    }
}
