using ProcMigrate.Linux.Ptrace;

namespace ProcMigrate.Tests.Linux;

public class WaitStatusTests
{
    private const int SIGTRAP = 5;
    private const int SIGSTOP = 19;

    /// <summary>All 65,536 words without a ptrace event, against the macros of sys/wait.h.</summary>
    [Fact]
    public void EveryStatusWord_IsReadAsByTheMacrosOfLibc()
    {
        string[] lines = CProgram.Run(
            """
            #include <stdio.h>
            #include <sys/wait.h>
            int main(void)
            {
                for (int s = 0; s < 0x10000; s++)
                    printf("%x %d %d %d %d %d %d\n", s, WIFEXITED(s), WIFEXITED(s) ? WEXITSTATUS(s) : 0, WIFSIGNALED(s),
                        WIFSIGNALED(s) ? WTERMSIG(s) : 0, WIFSTOPPED(s), WIFSTOPPED(s) ? WSTOPSIG(s) : 0);
                return 0;
            }
            """);
        Assert.Equal(0x10000, lines.Length);
        Assert.Equal(lines, Enumerable.Range(0, 0x10000).Select(Show));
    }

    [Theory]
    // kernel/signal.c: the event stands above the signal; of a group-stop the signal is the one that stops.
    [InlineData(0x80057f, true, false, false)] // PTRACE_EVENT_STOP << 16 | SIGTRAP << 8 | 0x7f: PTRACE_INTERRUPT
    [InlineData(0x80137f, true, true, false)] // PTRACE_EVENT_STOP, SIGSTOP
    [InlineData(0x80147f, true, true, false)] // PTRACE_EVENT_STOP, SIGTSTP
    [InlineData(0x137f, false, false, true)] // SIGSTOP is about to be delivered
    [InlineData(0x057f, false, false, true)] // SIGTRAP of an int3
    [InlineData(0x857f, false, false, false)] // SIGTRAP | 0x80: a system call
    [InlineData(0x04057f, false, false, false)] // PTRACE_EVENT_EXEC
    public void StopsUnderPtrace_AreToldApart(int value, bool eventStop, bool groupStop, bool delivery)
    {
        var status = new WaitStatus(value);
        Assert.True(status.Stopped);
        Assert.False(status.Ended);
        Assert.Equal(eventStop, status.IsEventStop);
        Assert.Equal(groupStop, status.IsGroupStop);
        Assert.Equal(delivery, status.IsSignalDelivery);
        Assert.Equal(value == 0x857f, status.IsSyscallStop);
        Assert.Equal(value == 0x04057f, status.IsExec);
    }

    [Fact]
    public void SignalOfAStop_IsWithoutItsEvent()
    {
        Assert.Equal(SIGSTOP, new WaitStatus(0x80137f).StopSignal);
        Assert.Equal(SIGTRAP, new WaitStatus(0x80057f).StopSignal);
    }

    private static string Show(int value)
    {
        var s = new WaitStatus(value);
        return $"{value:x} {Bit(s.Exited)} {(s.Exited ? s.ExitCode : 0)} {Bit(s.Killed)} {(s.Killed ? s.TerminationSignal : 0)} "
            + $"{Bit(s.Stopped)} {(s.Stopped ? s.StopSignal : 0)}";
    }

    private static int Bit(bool value) => value ? 1 : 0;
}
