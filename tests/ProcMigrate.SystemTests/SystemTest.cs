using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests;

/// <summary>What tests on real processes share: a folder, a program of the test's own, and the proof that nothing is left behind.</summary>
public abstract class SystemTest : IDisposable
{
    private protected SystemTest()
    {
        Assert.SkipUnless(Native.GetEffectiveUserId() == 0, "saving and restoring wants root here");
        Reaper.Start();
    }

    private protected TempFolder Folder { get; } = new();

    private protected string Image => Folder["image.pmi"];

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    private protected virtual void Dispose(bool disposing)
    {
        // xunit's own output and the engine's helpers end in their own time; what stays is a stray.
        try
        {
            Wait.Until(() => Reaper.Strays().All(pid => !IsOurs(pid)), DescribeStrays);
        }
        finally
        {
            Folder.Dispose();
        }
    }

    private protected ProgramUnderTest Start(string program, params string[] arguments) =>
        ProgramUnderTest.Start(Folder, program, arguments);

    private static bool IsOurs(int pid) =>
        Proc.ReadLink($"/proc/{pid}/exe") is { } exe
        && (exe.StartsWith(Places.Programs, StringComparison.Ordinal) || exe.Contains("procmigrate", StringComparison.OrdinalIgnoreCase)
            || exe.StartsWith("/memfd:", StringComparison.Ordinal));

    private static string DescribeStrays() =>
        "left behind: " + string.Join(", ", Reaper.Strays().Where(IsOurs).Select(pid => $"{pid} {Proc.ReadLink($"/proc/{pid}/exe")}"));
}
