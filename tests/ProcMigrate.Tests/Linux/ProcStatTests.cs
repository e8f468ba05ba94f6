using ProcMigrate.Linux.ProcFs;
using ProcMigrate.Tests.Image;

namespace ProcMigrate.Tests.Linux;

public class ProcStatTests
{
    // Field n of proc_pid_stat(5) has the value 100 + n here, but for the state.
    private static string Line(string name) =>
        $"101 ({name}) S {string.Join(' ', Enumerable.Range(4, 49).Select(n => 100 + n))}\n";

    [Theory]
    [InlineData("plain")]
    [InlineData("with space")]
    [InlineData(") S 1 2 3 (")]
    [InlineData("((()")]
    [InlineData("two\nlines) R")]
    [InlineData("")]
    public void AnyName_EndsAtTheLastParenthesis(string name)
    {
        ProcStat stat = ProcStat.Parse(Line(name));
        Assert.Equal((101, name, 'S', 104), (stat.Pid, stat.Name, stat.State, stat.ParentPid));
    }

    [Fact]
    public void EveryField_IsThatOfTheManPage()
    {
        ProcStat s = ProcStat.Parse(Line("x"));
        Assert.Equal(
            [105, 106, 107, 109, 119, 122, 126, 127, 128, 145, 146, 147, 148, 149, 150, 151, 152],
            new[]
            {
                s.GroupId, s.SessionId, s.Terminal, (int)s.Flags, s.Nice, (int)s.StartTime, (int)s.StartCode, (int)s.EndCode,
                (int)s.StartStack, (int)s.StartData, (int)s.EndData, (int)s.StartBreak, (int)s.ArgumentStart, (int)s.ArgumentEnd,
                (int)s.EnvironmentStart, (int)s.EnvironmentEnd, s.ExitCode,
            });
    }

    [Fact]
    public void ARealProcess_WithANameMadeToConfuse()
    {
        using var folder = new TemporaryFolder();
        string program = folder.File("a) R 1 (b");
        File.Copy("/usr/bin/sleep", program);
        using Child child = Child.Start(program, "1000");
        Assert.True(SpinWait.SpinUntil(() => ProcStat.Of(child.Pid).Name == "a) R 1 (b", TimeSpan.FromMinutes(1)));
        ProcStat stat = ProcStat.Of(child.Pid);
        Assert.Equal((child.Pid, Environment.ProcessId), (stat.Pid, stat.ParentPid));
        Assert.False(stat.IsKernelThread);
        Assert.InRange(stat.StartStack, stat.StartBreak, ulong.MaxValue);
    }

    [Fact]
    public void NoSuchProcess_IsNull() => Assert.Null(ProcStat.TryOf(int.MaxValue));
}
