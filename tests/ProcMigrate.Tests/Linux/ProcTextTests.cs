using ProcMigrate.Linux.Processes;
using ProcMigrate.Linux.ProcFs;

namespace ProcMigrate.Tests.Linux;

/// <summary>What the kernel writes about locks, timers and IPC objects, read back.</summary>
public sealed class ProcTextTests
{
    [Fact]
    public void Lock_OfAProcess_HasItsRangeAndOwner() => Assert.Equal(
        new HeldLock(LockClass.Posix, "ADVISORY", "WRITE", 1234, 0xfd, 1, 5678, 10, 19),
        LockTable.Parse("1: POSIX  ADVISORY  WRITE 1234 fd:01:5678 10 19"));

    [Fact]
    public void Lock_OfAnOpenFileToTheEnd_HasNoOwner() => Assert.Equal(
        new HeldLock(LockClass.OpenFile, "ADVISORY", "READ", -1, 0, 0x2d, 7, 50, long.MaxValue),
        LockTable.Parse("\t12: OFDLCK ADVISORY  READ -1 00:2d:7 50 EOF"));

    [Fact]
    public void Lease_BeingBroken_SaysSo() => Assert.Equal(
        new HeldLock(LockClass.Lease, "BREAKING", "UNLCK", 99, 0xfd, 0, 3, 0, long.MaxValue),
        LockTable.Parse("3: LEASE  BREAKING  UNLCK 99 fd:00:3 0 EOF"));

    [Theory]
    [InlineData(5, 9, false)]
    [InlineData(5, 10, true)]
    [InlineData(19, 30, true)]
    [InlineData(20, 30, false)]
    public void Overlaps_CountsBothEnds(long start, long end, bool expected) => Assert.Equal(
        expected, LockTable.Parse("1: POSIX  ADVISORY  WRITE 1 fd:01:5 10 19").Overlaps(start, end));

    [Fact]
    public void Timers_OfEveryWayToNotify_AreRead()
    {
        const string Text = """
            ID: 3
            signal: 14/00000000deadbeef
            notify: signal/pid.100
            ClockID: 1
            ID: 17
            signal: 44/0000000000000000
            notify: signal/tid.101
            ClockID: -6
            ID: 18
            signal: 0/0000000000000007
            notify: none/pid.100
            ClockID: 0

            """;
        Assert.Equal(
            [
                new PosixTimer(3, 1, SignalEvent.SIGEV_SIGNAL, 14, 0xdeadbeef, 100),
                new PosixTimer(17, -6, SignalEvent.SIGEV_THREAD_ID, 44, 0, 101),
                new PosixTimer(18, 0, SignalEvent.SIGEV_NONE, 0, 7, 100),
            ],
            PosixTimer.Parse(Text));
    }

    [Fact]
    public void SysvObjects_AreReadByTheNamesOfTheirColumns()
    {
        const string Text = """
                   key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      atime      dtime      ctime                   rss                  swap
            -559038737          5  1640                 40960   100   101      4     7     8     0     0 1700000000          0 1700000001                 40960                     0

            """;
        SysvObject segment = Assert.Single(SysvIpc.Parse(SysvKind.shm, Text));
        Assert.Equal((5, unchecked((int)0xdeadbeef), 0x1a0, true), (segment.Id, segment.Key, segment.Mode, segment.Removed));
        Assert.Equal((7u, 8u, 1700000001L, 4L), (segment.Uid, segment.Gid, segment.ChangedAt, segment.Fields["nattch"]));
    }
}
