using ProcMigrate.Engine.Freeze;
using ProcMigrate.Linux.ProcFs;
using ProcMigrate.Tests.Image;
using ProcMigrate.Tests.Linux;

namespace ProcMigrate.Tests.Engine;

/// <summary>
/// A program that waits in a system call is frozen and let go, several times, and must not notice: the call goes on until what it
/// waits for comes, and answers that.
/// </summary>
public sealed class FreezeTests(FreezeTests.Waits waits) : IClassFixture<FreezeTests.Waits>
{
    /// <summary>The program, compiled once.</summary>
    public sealed class Waits : IDisposable
    {
        private readonly TemporaryFolder _folder = new();

        public Waits() => Path = CProgram.Compile(_folder, ["-pthread"], ("waits.c", Sources.Read("tests/ProcMigrate.Tests/Engine/waits.c")));

        public string Path { get; }

        public void Dispose() => _folder.Dispose();
    }

    [Theory]
    [InlineData("pipe-read")]
    [InlineData("pipe-write")]
    [InlineData("eventfd-read")]
    [InlineData("inotify-read")]
    [InlineData("timerfd-read")]
    [InlineData("socket-recv")]
    [InlineData("socket-recv-timeout")]
    [InlineData("socket-read-timeout")]
    [InlineData("socket-recvmsg-timeout")]
    [InlineData("socket-send-timeout")]
    [InlineData("socket-write-timeout")]
    [InlineData("accept")]
    [InlineData("accept-timeout")]
    [InlineData("connect-timeout")]
    [InlineData("poll")]
    [InlineData("ppoll")]
    [InlineData("select")]
    [InlineData("epoll")]
    [InlineData("futex")]
    [InlineData("futex-timeout")]
    [InlineData("semop")]
    [InlineData("semtimedop")]
    [InlineData("msgrcv")]
    [InlineData("msgsnd")]
    [InlineData("sigwait")]
    [InlineData("sigtimedwait")]
    [InlineData("flock")]
    [InlineData("record-lock")]
    [InlineData("waitpid")]
    [InlineData("mq-receive")]
    [InlineData("aio")]
    public void AWaitingCall_DoesNotNotice(string call)
    {
        using var folder = new TemporaryFolder();
        using var program = new OrphanedProgram(waits.Path, call, folder.Path);
        string ready = program.ReadLine();
        Assert.SkipWhen(ready.StartsWith("skip", StringComparison.Ordinal), ready);
        Assert.Equal("ready", ready);
        for (int round = 0; round < 3; round++)
        {
            Assert.True(SpinWait.SpinUntil(() => AllWait(program.Pid), TimeSpan.FromMinutes(1)));
            PtraceThread.Run(() =>
            {
                using FrozenTree tree = FrozenTree.Freeze([program.Pid], true, CancellationToken.None);
                return Assert.Single(tree.Processes, p => p.Pid == program.Pid);
            }, TestContext.Current.CancellationToken);
        }
        Assert.True(SpinWait.SpinUntil(() => AllWait(program.Pid), TimeSpan.FromMinutes(1)));
        program.WriteLine("go");
        Assert.Equal("right", program.ReadLine());
    }

    private static bool AllWait(int pid) => ProcFolders.Threads(pid).TrueForAll(tid => ProcStat.TryOf(tid) is { State: 'S' });
}
