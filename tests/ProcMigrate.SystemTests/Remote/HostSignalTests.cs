using System.Globalization;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests.Remote;

/// <summary>
/// SIGINT and SIGTERM end every verb that waits for a host, wherever it waits. The host is silent, and is given an hour: nothing but the signal
/// ends the command.
/// </summary>
public sealed class HostSignalTests : SystemTest
{
    private const int SIGINT = 2;
    private const int SIGTERM = 15;

    private string Plan => Folder["plan"];

    public HostSignalTests()
    {
        Directory.CreateDirectory(Folder["bin"]);
        File.CreateSymbolicLink(Folder["bin/ssh"], Path.Combine(Places.Root, "tests/hosts/lib/farside"));
    }

    [Theory]
    [InlineData("login")]
    [InlineData("go")]
    [InlineData("take")]
    [InlineData("stored")]
    public void Send(string step)
    {
        SentImage.Write(Image, 8);
        AssertEnds(step, "send", Image, "n2");
    }

    [Theory]
    [InlineData("login")]
    [InlineData("lines")]
    [InlineData("exit")]
    public void VerbThere(string step) => AssertEnds(step, "inspect", "/there.pmi", "--host", "n2");

    [Fact]
    public void CheckOfAnImage()
    {
        SentImage.Write(Image, 1);
        AssertEnds("judged", "check", Image, "--host", "n2");
    }

    [Fact]
    public void CheckAndMigrate_RunsOnHere()
    {
        using ProgramUnderTest program = Start("memory", "8");
        AssertEnds("judged", "check", $"{program.Pid}", "--host", "n2");
        foreach (string step in (string[])["login", "judged", "take", "ready"])
            AssertEnds(step, "migrate", $"{program.Pid}", "n2");
        Assert.False(Directory.Exists(Folder["procmigrate/migrations"]) && Directory.GetFiles(Folder["procmigrate/migrations"]).Length > 0);
        program.AssertPasses();
    }

    /// <summary>Too late to undo: what cannot be known is said, and found out by the stand-by.</summary>
    [Fact]
    public void Migrate_AfterTheCommit_SaysWhatToDo()
    {
        using ProgramUnderTest program = Start("memory", "4");
        Answer answer = SignalAt(SIGINT, "runs", "migrate", $"{program.Pid}", "n2");
        Assert.Equal((5, "Unsettled"), (answer.ExitCode, answer.ErrorId));
        File.WriteAllText(Plan, "text:settled=aborted\n");
        Wait.Until(() => Directory.GetFiles(Folder["procmigrate/migrations"]).Length == 0, () => "it is not settled");
        program.AssertPasses();
    }

    [Theory]
    [InlineData(SIGINT)]
    [InlineData(SIGTERM)]
    public void Receive_FromASilentSender(int signal)
    {
        using Binary.Running running = Binary.Start(["sh", "-c", "sleep 1000 | exec \"$0\" \"$@\""], "receive", "--to", Folder.Path);
        Wait.Until(() => Receiver(running.Pid) is not null, () => "it does not start");
        int receiver = Receiver(running.Pid)!.Value;
        // Until then a signal ends it as it ends any program.
        Wait.Until(() => CatchesSignals(receiver), () => "it does not get ready");
        Native.Kill(receiver, signal);
        Wait.Until(() => !Proc.IsAlive(receiver), () => "it does not end");
        foreach (int child in Reaper.Descendants(running.Pid))
            Native.Kill(child, Native.SIGKILL);
        running.Finish();
        Assert.Equal(["bin"], Folder.Names);
    }

    private static int? Receiver(int pid) =>
        Reaper.Descendants(pid).Where(child => Proc.ReadLink($"/proc/{child}/exe") == Places.Binary).Select(child => (int?)child).FirstOrDefault();

    private static bool CatchesSignals(int pid) =>
        (Proc.ReadText($"/proc/{pid}/status") ?? "").Split('\n').FirstOrDefault(line => line.StartsWith("SigCgt:", StringComparison.Ordinal)) is { } caught
        && (ulong.Parse(caught[7..].Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture) >> (SIGTERM - 1) & 1) != 0;

    private void AssertEnds(string step, params string[] arguments)
    {
        foreach ((int signal, int code) in ((int, int)[])[(SIGINT, 130), (SIGTERM, 143)])
        {
            Answer answer = SignalAt(signal, step, arguments);
            Assert.True(answer.ExitCode == code && answer.ErrorId == "Interrupted", $"{step}: {answer}");
        }
    }

    private Answer SignalAt(int signal, string step, params string[] arguments)
    {
        string rests = Plan + ".rests";
        File.Delete(rests);
        File.WriteAllText(Plan, $"{step}=silent\n");
        using Binary.Running running = Binary.Start(
            ["env", $"PATH={Folder["bin"]}:{Environment.GetEnvironmentVariable("PATH")}", $"XDG_STATE_HOME={Folder.Path}", $"FARSIDE_PLAN={Plan}", "PROCMIGRATE_PATIENCE=3600"],
            [.. arguments, "--json"]);
        Wait.Until(() => (Proc.ReadText(rests) ?? "").EndsWith('\n') || running.HasEnded, () => $"{step}: the host is not asked: {running.OutputSoFar}");
        int host = int.Parse(Proc.ReadText(rests) ?? "0", CultureInfo.InvariantCulture);
        running.Signal(signal);
        Answer answer = running.Finish();
        Wait.Until(() => !Proc.IsAlive(host), () => $"{step}: the connection stays");
        return answer;
    }
}
