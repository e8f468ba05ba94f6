using System.Text.Json;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests;

/// <summary>What cannot be saved is told, all of it at once, before anything is written; the program runs on.</summary>
public sealed class BlockerTests : SystemTest
{
    private const int Refused = 3;

    /// <summary>Kinds that no save is meant to manage; the program <c>blockers</c> knows their names.</summary>
    public static TheoryData<string> Kinds { get; } =
        ["fuse", "perf", "userfaultfd", "landlock", "secretmem", "block-device", "fanotify"];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Save_OfOneBlocker_NamesIt(string kind)
    {
        using ProgramUnderTest program = Start("blockers", kind);
        Assert.SkipWhen(program.Lines[0].Contains("absent", StringComparison.Ordinal), $"this kernel: {program.Lines[0]}");
        Answer answer = Binary.Run("save", $"{program.Pid}", "-o", Image, "--json");
        Assert.True(answer.ExitCode == Refused, answer.ToString());
        AssertNamed(program, answer.Blockers);
        Assert.DoesNotContain(Folder.Names, name => name.EndsWith(".pmi", StringComparison.Ordinal));
        program.AssertPasses();
    }

    [Theory]
    [InlineData("files")]
    [InlineData("network")]
    [InlineData("files", "thread")]
    [InlineData("files", "user")]
    [InlineData("network", "user")]
    public void Save_InALandlockDomain_IsRefused(params string[] domain)
    {
        using ProgramUnderTest program = Start("landlock", domain);
        Answer answer = Binary.Run("save", $"{program.Pid}", "-o", Image, "--json");
        Assert.True(answer.ExitCode == Refused, answer.ToString());
        JsonElement blocker = Assert.Single(answer.Blockers);
        Assert.Equal("Landlock", blocker.GetProperty("id").GetString());
        program.AssertRuns();
    }

    /// <summary>Only what has the marks of a sandbox: another user, and no new privileges.</summary>
    [Theory]
    [InlineData("free")]
    [InlineData("user", "free")]
    public void Save_WithoutALandlockDomain_Works(params string[] kind)
    {
        using ProgramUnderTest program = Start("landlock", kind);
        Binary.Save(program.Pid, Image);
        program.AssertGone();
        Binary.Restore(Image);
        program.AssertPasses();
    }

    /// <summary>What is available is played by a file over the kernel's.</summary>
    [Fact]
    public void Restore_WithLessMemoryThanTheTreeHas_IsRefused_UnlessForced()
    {
        using ProgramUnderTest program = Start("memory", "4");
        Binary.Save(program.Pid, Image);
        File.WriteAllText(Folder["meminfo"], "MemTotal: 2048 kB\nMemAvailable: 1024 kB\nSwapFree: 1024 kB\n");
        string[] small = ["unshare", "-m", "sh", "-c", $"mount --bind {Folder["meminfo"]} /proc/meminfo && exec \"$@\"", "sh"];
        foreach (string verb in (string[])["check", "restore"])
        {
            Answer refused = Binary.RunAs(small, verb, Image, "--json");
            Assert.Equal("MemorySpace", Assert.Single(refused.Blockers).GetProperty("id").GetString());
            Assert.False(Proc.Exists(program.Pid));
        }
        Answer forced = Binary.RunAs(small, "restore", Image, "--json", "--force");
        Assert.True(forced.ExitCode == 0, $"{forced}");
        Assert.Contains("of memory may be needed", $"{forced}", StringComparison.Ordinal);
        program.AssertPasses();
    }

    [Fact]
    public void Check_OfOneOfEach_NamesThemAllInJsonAndInText()
    {
        using ProgramUnderTest program = Start("blockers", [.. Kinds.Select(row => row.Data)]);
        ProcSnapshot before = ProcSnapshot.CaptureStable(program.Pid);
        Answer json = Binary.Run("check", $"{program.Pid}", "--json");
        AssertNamed(program, json.Blockers);
        Answer text = Binary.Run("check", $"{program.Pid}");
        Assert.Equal(json.ExitCode, text.ExitCode);
        foreach (JsonElement blocker in json.Blockers)
        {
            Assert.Contains(blocker.GetProperty("id").GetString()!, text.Output + text.Error, StringComparison.Ordinal);
            Assert.Contains(blocker.GetProperty("remedy").GetString()!, Unwrapped(text.Output + text.Error), StringComparison.Ordinal);
        }
        ProcSnapshot.AssertSame(before, program.Pid);
        program.AssertPasses();
    }

    /// <summary>Every blocker is complete; every descriptor and process that the program told of is named.</summary>
    private static void AssertNamed(ProgramUnderTest program, IReadOnlyList<JsonElement> blockers)
    {
        Assert.NotEmpty(blockers);
        foreach (JsonElement blocker in blockers)
        {
            foreach (string field in (string[])["id", "what", "why", "remedy"])
                Assert.False(string.IsNullOrWhiteSpace(blocker.GetProperty(field).GetString()), $"{field} is empty: {blocker}");
            Assert.True(blocker.TryGetProperty("pid", out JsonElement pid) && pid.ValueKind == JsonValueKind.Number, $"no pid: {blocker}");
        }
        foreach (string line in program.Lines.Where(line => line != "READY" && !line.Contains("absent", StringComparison.Ordinal)))
        {
            if (line.Split(' ') is [_, "fd", { } fd])
                Assert.Contains(blockers, blocker => Number(blocker, "fd") == int.Parse(fd));
        }
    }

    private static int? Number(JsonElement blocker, string name) =>
        blocker.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.Number ? value.GetInt32() : null;

    private static string Unwrapped(string text) =>
        string.Join(' ', text.Split((char[])[' ', '\n'], StringSplitOptions.RemoveEmptyEntries));
}
