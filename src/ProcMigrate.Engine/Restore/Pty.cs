using ProcMigrate.Engine.Kinds;
using ProcMigrate.Engine.Restore.Rights;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Terminals;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Restore;

/// <summary>A pty being restored.</summary>
internal sealed class Pty(Descriptor master, int number, PtyMasterState state) : IDisposable
{
    private Descriptor? _slave;

    public Descriptor Master { get; } = master;

    /// <summary>N of the slave's path here; the old one wherever that was free.</summary>
    public int Number { get; } = number;

    public PtyMasterState State { get; } = state;

    public string SlavePath => $"/dev/pts/{Number}";

    /// <summary>Settings first: in packet mode, and to a program that sleeps on it, a change would be news.</summary>
    public void SetUp(FileRights rights)
    {
        TerminalCalls.SetPtyLock(Master, false);
        TerminalCalls.SetSettings(Master, State.Settings.ToTermios());
        TerminalCalls.SetWindowSize(Master, State.Settings.Size);
        if (State.LockedSettings.AsSpan().ContainsAnyExcept((byte)0))
            TerminalCalls.SetLockedSettings(Master, State.LockedSettings);
        using (Descriptor slave = FileCalls.Open(SlavePath, OpenFlags.O_PATH | OpenFlags.O_NOFOLLOW))
        {
            // The group is mostly that of the mount (gid=5), in which no program needs to be.
            uint? group = FileStatus.Of(slave).Gid == State.Gid ? null : State.Gid;
            rights.Give(slave, SlavePath, State.Uid, group, State.Mode);
        }
        // Opening a slave and closing it again is what makes the master say EIO.
        if (State.SlaveClosed)
            _slave = OpenSlave(OpenFlags.O_RDWR);
    }

    public Descriptor OpenSlave(OpenFlags flags)
    {
        // The lock is put on again in the end; a slave that was opened before stays.
        const OpenFlags Meaningful = OpenFlags.O_ACCMODE | OpenFlags.O_LARGEFILE | OpenFlags.O_NONBLOCK;
        return FileCalls.Open(SlavePath, (flags & Meaningful) | OpenFlags.O_NOCTTY);
    }

    public void Complete()
    {
        _slave?.Dispose();
        _slave = null;
        if (State.Exclusive)
            TerminalCalls.SetExclusive(Master);
        if (State.Locked)
            TerminalCalls.SetPtyLock(Master, true);
        if (State.Packet)
            TerminalCalls.SetPacketMode(Master, true);
    }

    public void Dispose()
    {
        _slave?.Dispose();
        Master.Dispose();
    }
}
