using System.Text.RegularExpressions;
using ProcMigrate.SystemTests.Harness;

namespace ProcMigrate.SystemTests;

/// <summary>The image begins as an ELF core that other people's tools read.</summary>
public sealed partial class ImageAsCoreTests : SystemTest
{
    [Fact]
    public void Gdb_BacktracesOfFourThreads_AreThoseOfTheLiveProgram()
    {
        using ProgramUnderTest program = Start("fourthreads");
        Dictionary<int, string> live = Backtraces("-p", $"{program.Pid}");
        Assert.Equal(4, live.Count);
        foreach (string function in (string[])["west_inner", "east_middle", "north_outer", "south_inner"])
            Assert.Contains(live.Values, trace => trace.Contains(function, StringComparison.Ordinal));
        Binary.Save(program.Pid, Image, "--leave-running");
        Dictionary<int, string> dead = Backtraces(Places.Program("fourthreads"), Image);
        Assert.Equal(live.OrderBy(pair => pair.Key), dead.OrderBy(pair => pair.Key));
        program.AssertPasses();
    }

    [Theory]
    [InlineData("fourthreads")]
    [InlineData("maps")]
    [InlineData("regs")]
    public void Readelf_HasNoComplaint(string name)
    {
        using ProgramUnderTest program = Start(name);
        Binary.Save(program.Pid, Image);
        (_, string output, string error) = Tool.Run("/usr/bin/readelf", "-aW", Image);
        Assert.Equal("", error);
        Assert.DoesNotContain("readelf:", output, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain("warning", output, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("CORE (Core file)", output, StringComparison.Ordinal);
        foreach (string note in (string[])["NT_PRSTATUS", "NT_PRPSINFO", "NT_AUXV", "NT_FILE", "NT_FPREGSET", "NT_X86_XSTATE", "NT_SIGINFO"])
            Assert.Contains(note, output, StringComparison.Ordinal);
        Binary.Restore(Image);
        program.AssertPasses();
    }

    /// <summary>gdb reads the notes once, however many segments there are.</summary>
    [Fact]
    public void Gdb_NumbersThreadsFromOne()
    {
        using ProgramUnderTest program = Start("fourthreads");
        Binary.Save(program.Pid, Image);
        (_, string output, _) = Tool.Run("/usr/bin/gdb", "-nx", "-batch", "-ex", "info threads", Places.Program("fourthreads"), Image);
        Assert.Equal(4, output.Split('\n').Count(line => line.StartsWith("[New LWP", StringComparison.Ordinal)));
        Binary.Restore(Image);
        program.AssertPasses();
    }

    /// <summary>Data, not only stacks: a variable of a known value.</summary>
    [Fact]
    public void Gdb_ReadsVariablesFromTheImage()
    {
        using ProgramUnderTest program = Start("fourthreads");
        Binary.Save(program.Pid, Image);
        (_, string output, _) = Tool.Run("/usr/bin/gdb", "-nx", "-batch", "-ex", "print parked", "-ex", "print (char *)h_out",
            Places.Program("fourthreads"), Image);
        Assert.Contains("$1 = 3", output, StringComparison.Ordinal);
        Assert.Contains(program.OutPath, output, StringComparison.Ordinal);
        Binary.Restore(Image);
        program.AssertPasses();
    }

    /// <summary>Frames by thread id. gdb names and numbers the threads of a core differently.</summary>
    private static Dictionary<int, string> Backtraces(params string[] target)
    {
        (_, string output, string error) = Tool.Run("/usr/bin/gdb",
            ["-nx", "-batch", "-ex", "set print frame-arguments all", "-ex", "set width 0", "-ex", "thread apply all bt", .. target]);
        Dictionary<int, string> traces = [];
        int thread = 0;
        foreach (string line in output.Split('\n'))
        {
            if (ThreadHeading().Match(line) is { Success: true } heading)
                traces[thread = int.Parse(heading.Groups[1].Value)] = "";
            else if (line.StartsWith('#') && thread != 0)
                traces[thread] += line + "\n";
        }
        Assert.True(traces.Count > 0, output + error);
        return traces;
    }

    [GeneratedRegex(@"^Thread \d+ \(.*?LWP (\d+)\)")]
    private static partial Regex ThreadHeading();
}
