using System.Diagnostics;

namespace ProcMigrate.SystemTests.Harness;

/// <summary>
/// A program that is saved and restored: an orphan in a session of its own, output in a file. Whatever happens, it is gone at the end, also
/// when it is the restored one that has the pid then.
/// </summary>
internal sealed class ProgramUnderTest : IDisposable
{
    private readonly TempFolder folder;

    private ProgramUnderTest(TempFolder folder, int pid, string outPath)
    {
        (this.folder, Pid, OutPath) = (folder, pid, outPath);
        Reaper.Watch(pid);
        Reaper.WatchSession(pid);
    }

    internal int Pid { get; }

    /// <summary>The file of READY and the verdict.</summary>
    internal string OutPath { get; }

    internal string Log => Proc.ReadText(folder["log"]) ?? "";

    internal string[] Lines => (Proc.ReadText(OutPath) ?? "").Split('\n', StringSplitOptions.RemoveEmptyEntries);

    internal bool IsAlive => Proc.IsAlive(Pid);

    internal bool Waits =>
        Proc.Stat($"/proc/{Pid}/task/{Pid}") is ["S", ..]
        && !Directory.GetFiles($"/proc/{Pid}/fd").Any(fd => Proc.ReadLink(fd) == OutPath);

    /// <summary>Starts a program of tests/programs and waits until its state is built up.</summary>
    internal static ProgramUnderTest Start(TempFolder folder, string program, params string[] arguments) => StartBehind([], folder, program, arguments);

    /// <summary>The same behind a command such as setpriv, which ends in executing it.</summary>
    internal static ProgramUnderTest StartBehind(string[] prefix, TempFolder folder, string program, params string[] arguments)
    {
        ProgramUnderTest started = Launch(prefix, folder, [Places.Program(program), folder["out"], .. arguments]);
        Wait.Until(() => started.Lines is [.., "READY"] || !started.IsAlive,
            () => $"{program} does not get ready: {started.Describe()}");
        if (started.Lines is [.., { } last] && last.StartsWith("SKIP", StringComparison.Ordinal))
        {
            started.Dispose();
            Assert.Skip(last);
        }
        Assert.True(started.IsAlive, $"{program} ended before it was ready: {started.Describe()}");
        // It has written READY, and may not have closed the file yet, nor be where it waits.
        Wait.Until(() => !started.IsAlive || started.Waits, () => $"{program} does not come to wait: {started.Describe()}");
        return started;
    }

    /// <summary>Starts any command; there is no protocol then.</summary>
    internal static ProgramUnderTest StartCommand(TempFolder folder, params string[] command) => Launch([], folder, command);

    private static ProgramUnderTest Launch(string[] prefix, TempFolder folder, string[] command)
    {
        Reaper.Start();
        string[] line = [.. prefix, Places.Program("launch"), folder["log"], folder.Path, .. command];
        using Process launch = Reaper.StartChild(new(line[0], line[1..])
        {
            RedirectStandardOutput = true,
        });
        string text = launch.StandardOutput.ReadToEnd();
        launch.WaitForExit();
        Assert.True(launch.ExitCode == 0, $"launch {string.Join(' ', command)}: exit code {launch.ExitCode}");
        return new ProgramUnderTest(folder, int.Parse(text), folder["out"]);
    }

    /// <summary>A process that a program under test has left to us.</summary>
    internal static ProgramUnderTest Adopt(TempFolder folder, int pid) => new(folder, pid, folder["out"]);

    /// <summary>Its tracer was killed: does it end with it? That takes a moment; looks until it is one or the other.</summary>
    internal bool IsEnding()
    {
        for (int look = 0; look < 20; look++)
        {
            if (!IsAlive || Proc.IsDying(Pid))
                return true;
            Thread.Sleep(2);
        }
        return false;
    }

    internal void Signal(int signal)
    {
        Assert.True(IsAlive, "the program is not there any more: " + Describe());
        Assert.Equal(0, Native.Kill(Pid, signal));
    }

    /// <summary>After a save that ends the program, nothing of it may be left.</summary>
    internal void AssertGone() => Assert.False(Proc.Exists(Pid), $"pid {Pid} is still there: {Proc.ReadText($"/proc/{Pid}/status")}");

    internal void AssertRuns() => Assert.True(IsAlive, "the program does not run: " + Describe());

    /// <summary>Tells the program to check itself, and insists that all is right.</summary>
    internal void AssertPasses()
    {
        Signal(Native.SIGUSR1);
        Wait.Until(() => Lines[^1] != "READY" || !IsAlive, () => "no verdict: " + Describe());
        Assert.True(Lines[^1] == "PASS", Describe());
        Assert.Equal(0, AwaitExit());
    }

    /// <summary>Waits for the end of the process that has the pid now; the wait status.</summary>
    internal int AwaitExit()
    {
        Wait.Until(() => !Proc.Exists(Pid) && Reaper.StatusesOf(Pid).Count > 0, () => "does not end: " + Describe());
        return Reaper.StatusesOf(Pid)[^1];
    }

    /// <summary>Saves, sees it gone, restores, sees it there; what /proc tells of it is the same as before.</summary>
    internal void SaveAndRestore(string image)
    {
        ProcSnapshot before = ProcSnapshot.CaptureStable(Pid);
        SaveAndRestoreChanging(image);
        ProcSnapshot.AssertSame(before, Pid);
    }

    /// <summary>The same for a program whose threads or mappings come and go.</summary>
    /// <param name="between">What is done to the image.</param>
    internal void SaveAndRestoreChanging(string image, Action? between = null)
    {
        Reaper.WatchDescendants(Pid);
        Answer saved = Binary.Save(Pid, image);
        AssertGone();
        between?.Invoke();
        Answer restored = Binary.Restore(image);
        Assert.Equal(Pid, restored.Final!.Value.GetProperty("pid").GetInt32());
        Assert.Equal(saved.Processes, restored.Processes);
        TestContext.Current.TestOutputHelper?.WriteLine($"save {saved.Timings}\nrestore {restored.Timings}");
        AssertRuns();
    }

    public void Dispose()
    {
        Reaper.Release(Pid);
        Wait.Until(IsEnded, () => $"pid {Pid} or a descendant does not end: {Proc.ReadText($"/proc/{Pid}/status")}");
        Reaper.Forget(Pid);
    }

    /// <summary>Kills what is there of the tree; a stopped process ends by SIGKILL too.</summary>
    private bool IsEnded()
    {
        IReadOnlyList<int> rest = [.. Reaper.Descendants(Pid), .. Proc.Exists(Pid) ? [Pid] : Array.Empty<int>()];
        Reaper.WatchDescendants(Pid);
        foreach (int pid in rest)
            _ = Native.Kill(pid, Native.SIGKILL);
        return rest.Count == 0;
    }

    private string Describe() =>
        $"pid {Pid}, state {(Proc.Stat($"/proc/{Pid}") is [{ } state, ..] ? state : "gone")}, wait statuses "
        + $"[{string.Join(", ", Reaper.StatusesOf(Pid))}], out [{string.Join(" | ", Lines)}], log [{Log}]";
}
