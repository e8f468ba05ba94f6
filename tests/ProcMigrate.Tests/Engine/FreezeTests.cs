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

    /// <summary>A freeze that is cancelled while threads are on their way to their stop: they are seen to stand, and put right, all the same.</summary>
    [Theory]
    [InlineData("epoll")]
    [InlineData("semop")]
    [InlineData("socket-recv-timeout")]
    public void ACancelledFreeze_IsNotNoticedEither(string call)
    {
        using var folder = new TemporaryFolder();
        using var program = new OrphanedProgram(waits.Path, call, folder.Path);
        Assert.Equal("ready", program.ReadLine());
        var cancelled = new CancellationToken(canceled: true);
        int ended = 0;
        for (int round = 0; round < 20; round++)
        {
            Assert.True(SpinWait.SpinUntil(() => AllWait(program.Pid), TimeSpan.FromMinutes(1)));
            ended += PtraceThread.Run(() =>
            {
                try
                {
                    FrozenTree.Freeze([program.Pid], true, cancelled).Dispose();
                    return 0;
                }
                catch (OperationCanceledException)
                {
                    return 1;
                }
            }, TestContext.Current.CancellationToken);
        }
        Assert.True(ended > 0, "each thread stood at once");
        Assert.True(SpinWait.SpinUntil(() => AllWait(program.Pid), TimeSpan.FromMinutes(1)));
        program.WriteLine("go");
        Assert.Equal("right", program.ReadLine());
    }

    /// <summary>The kernel's list of timers is read for so many threads only, however many there are.</summary>
    [Fact]
    public void ManySleepers_FrozenAgain_AreNotStoppedOneByOne()
    {
        const int Sleepers = 60, OneByOne = 24;
        const string Source = """
            #include <pthread.h>
            #include <stdio.h>
            #include <unistd.h>
            static void *nap(void *x) { for (;;) usleep(300000000); return x; }
            int main(void) { pthread_t t; for (int i = 0; i < 60; i++) pthread_create(&t, 0, nap, 0); puts("ready"); fflush(stdout); for (;;) pause(); }
            """;
        using var folder = new TemporaryFolder();
        using var program = new OrphanedProgram(CProgram.Compile(folder, ["-pthread"], ("naps.c", Source)));
        Assert.Equal("ready", program.ReadLine());
        int[] coarse = [-1, -1, -1];
        for (int round = 0; round < coarse.Length; round++)
        {
            Assert.True(SpinWait.SpinUntil(() => AllWait(program.Pid), TimeSpan.FromMinutes(1)));
            coarse[round] = PtraceThread.Run(() =>
            {
                using FrozenTree tree = FrozenTree.Freeze([program.Pid], true, CancellationToken.None);
                Assert.Equal(Sleepers + 1, tree.Threads.Count());
                return tree.Threads.Count(t => t.Wait is { IsCoarse: true });
            }, TestContext.Current.CancellationToken);
        }
        Assert.Equal([0, Sleepers - OneByOne, Sleepers - OneByOne], coarse);
    }

    private static bool AllWait(int pid) => ProcFolders.Threads(pid).TrueForAll(tid => ProcStat.TryOf(tid) is { State: 'S' });
}
