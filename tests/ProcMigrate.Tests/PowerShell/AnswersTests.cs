using ProcMigrate.Cli.Output;
using ProcMigrate.PowerShell.Running;
using Xunit;

namespace ProcMigrate.Tests.PowerShell;

/// <summary>From the binary's own writer to the objects of the pipeline: the two sides of the contract in one test.</summary>
public sealed class AnswersTests
{
    private static readonly DateTimeOffset SavedAt = new(2025, 3, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly Guid Id = Guid.Parse("11112222-3333-4444-5555-666677778888");

    private static readonly VerbResult Result = new()
    {
        Verb = "send",
        Pid = 4711,
        Processes = [new(4711, "sim", 5), new(4712, "helper", 2)],
        Image = new("/far/sim.pmi", Id, 4096) { SavedAt = SavedAt.ToString("O"), Origin = "n1" },
        Host = "n2",
        Timings = new Dictionary<string, double> { ["totalMs"] = 90.5 },
        MemoryBytes = 2048,
        Warnings = ["w"],
    };

    [Fact]
    public void Image_HasAllOfTheResult()
    {
        var login = new HostLogin("u", 22, null, []);
        var image = Assert.IsType<RemoteProcessImage>(Answers.ToImage(Read(Result), login));
        Assert.Equal("/far/sim.pmi", image.ImagePath);
        Assert.Equal("n2", image.HostName);
        Assert.Equal("/far/sim.pmi on n2", image.ToString());
        Assert.Equal(4711, image.RootId);
        Assert.Equal("sim", image.RootName);
        Assert.Equal(["sim (4711)", "helper (4712)"], image.Processes.Select(process => process.ToString()));
        Assert.Equal(7, image.Threads);
        Assert.Equal(2048, image.Memory);
        Assert.Equal(4096, image.Length);
        Assert.Equal(Id, image.ImageId);
        Assert.Equal(SavedAt, image.SavedAt);
        Assert.Equal("n1", image.Origin);
        Assert.Equal(90.5, image.Timings["totalMs"]);
        Assert.Same(login, image.Login);
    }

    [Fact]
    public void SavedImage_IsOfNowAndHere()
    {
        var image = Assert.IsType<LocalProcessImage>(Answers.ToSavedImage(Read(Result with { Host = null, Image = new("/x.pmi", Id, 1) }), SavedAt, "here"));
        Assert.Equal("/x.pmi", image.Path);
        Assert.Equal("/x.pmi", image.ToString());
        Assert.Equal(SavedAt, image.SavedAt);
        Assert.Equal("here", image.Origin);
    }

    [Fact]
    public void Restored_SaysHowItEnded()
    {
        var restored = Answers.ToRestored(Read(Result with { Verb = "restore", Host = null, ExitCode = 3 }));
        Assert.Equal("sim (4711)", restored.ToString());
        Assert.Equal(3, restored.ExitCode);
        Assert.Equal(7, restored.Threads);
        Assert.Equal("/far/sim.pmi", restored.ImagePath);
    }

    [Fact]
    public void Remote_SaysWhereAndSince()
    {
        var login = new HostLogin("u", null, null, []);
        var remote = Answers.ToRemote(Read(Result with { Verb = "restore", StartTicks = 99 }), login, SavedAt);
        Assert.Equal("sim (4711) on n2", remote.ToString());
        Assert.Equal("n2", remote.HostName);
        Assert.Equal(SavedAt, remote.StartTime);
        Assert.Equal(99, remote.StartTicks);
        Assert.Same(login, remote.Login);
        Assert.Null(remote.ExitCode);
    }

    [Fact]
    public void Remote_ThatWasWaitedFor_HasEndedWithoutAsking() =>
        Assert.True(Answers.ToRemote(Read(Result with { Verb = "restore", ExitCode = 0 }), HostLogin.Default, SavedAt).HasExited);

    [Fact]
    public void Findings_SurviveTheWay()
    {
        var read = Read(new VerbResult { Verb = "doctor", Findings = [new("ptrace", false, true, "no CAP_SYS_PTRACE", "sudo")] });
        var finding = Answers.ToFinding(Assert.Single(read.Findings!), "n2");
        Assert.Equal("ptrace: missing", finding.ToString());
        Assert.Equal(("n2", "no CAP_SYS_PTRACE", "sudo"), (finding.HostName, finding.Detail, finding.Remedy));
    }

    [Fact]
    public void ResultWithoutItsMembers_IsRefused() =>
        Assert.Throws<InvalidDataException>(() => Answers.ToImage(Read(Result with { Image = null }), HostLogin.Default));

    [Fact]
    public void Blockers_SurviveTheWay()
    {
        var error = Read(new ErrorEvent("Blocked", "1 blocker", [new("PidInUse", 4711, null, "pid 4711", "bash has it", "end it")], 3));
        var blocker = Answers.ToBlocker(Assert.Single(error.Blockers!));
        Assert.Equal(("PidInUse", 4711, null), (blocker.BlockerId, blocker.ProcessId, blocker.Descriptor));
        Assert.Equal("pid 4711: bash has it", blocker.ToString());
        Assert.Equal("end it", blocker.Remedy);
        Assert.Equal(3, error.ExitCode);
    }

    [Theory]
    [InlineData("sim", 4711, "sim-4711-20250301T120000.pmi")]
    [InlineData("kworker/0:1", 5, "kworker_0:1-5-20250301T120000.pmi")]
    [InlineData("-\e]0;x", 5, "__]0;x-5-20250301T120000.pmi")]
    [InlineData("..a\u202e", 5, "_.a_-5-20250301T120000.pmi")]
    public void ImageName_IsTheBinarysOwn(string process, int pid, string expected) =>
        Assert.Equal(expected, ImageName.For(process, pid, SavedAt.DateTime));

    private static Answer Read(CliEvent line) => Assert.IsType<Answer>(AnswerJson.TryRead(EventLine.Write(line)));
}
