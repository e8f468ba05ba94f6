using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests;

/// <summary>The binary as it is shipped: one file that runs anywhere.</summary>
public sealed class BinaryTests : SystemTest
{
    [Fact]
    public void Binary_IsOneSmallFile()
    {
        Assert.InRange(new FileInfo(Places.Binary).Length, 1, 16_000_000);
        // Copied alone to a place where nothing else is.
        string copy = Folder["procmigrate"];
        File.Copy(Places.Binary, copy);
        Tool.Result version = Tool.Run("/usr/bin/env", "-i", copy, "--version");
        Assert.True(version.ExitCode == 0, version.Error);
        Assert.Matches(@"^procmigrate \d+\.\d+\.\d+\n$", version.Output);
    }

    [Fact]
    public void Binary_NeedsOnlyTheCLibrary()
    {
        string needed = Tool.Run("/usr/bin/readelf", "-dW", Places.Binary).Output;
        IEnumerable<string> libraries = needed.Split('\n').Where(line => line.Contains("(NEEDED)", StringComparison.Ordinal));
        Assert.All(libraries, line => Assert.Matches(@"\[(libc|libm|libdl|libpthread|librt|ld-linux-x86-64)\.so\.\d\]", line));
    }

    /// <summary>Whatever the size of the image: memory is streamed.</summary>
    [Fact]
    public void SaveAndRestore_OfALargeProgram_StaySmall()
    {
        const int limitKiB = 100 << 10;
        using ProgramUnderTest program = Start("memory", Places.Long ? "2048" : "512");
        Assert.InRange(PeakKiB("save", $"{program.Pid}", "-o", Image, "--json"), 1, limitKiB);
        Assert.InRange(PeakKiB("restore", Image, "--json"), 1, limitKiB);
        program.AssertPasses();
    }

    [Fact]
    public void Doctor_TellsEachTopicAndARemedyForWhatIsMissing()
    {
        Answer answer = Binary.Run("doctor", "--json");
        Assert.Equal("result", answer.Final?.GetProperty("event").GetString());
        Assert.Contains("{", answer.Output, StringComparison.Ordinal);
        Answer text = Binary.Run("doctor");
        Assert.Equal(answer.ExitCode, text.ExitCode);
        Assert.NotEqual("", text.Output);
    }

    private long PeakKiB(params string[] arguments)
    {
        Answer answer = Binary.RunAs([Places.Program("measure"), Folder["measured"]], arguments);
        Assert.True(answer.ExitCode == 0, answer.ToString());
        return long.Parse(File.ReadAllText(Folder["measured"]).Split(' ')[1]);
    }
}
