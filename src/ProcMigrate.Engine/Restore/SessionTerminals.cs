using ProcMigrate.Engine.Kinds;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Memory;
using ProcMigrate.Linux.Processes;
using ProcMigrate.Linux.Terminals;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Restore;

/// <summary>
/// Gives sessions their controlling terminals. Only the leader of a session can take one, and only those get it that are
/// born afterwards: so this happens between the founding of a session and the births in it.
/// </summary>
internal sealed class SessionTerminals(RestoreContext context, RemoteAddress data)
{
    private readonly Dictionary<int, ProcessRecord> _records = context.Tree.Processes.ToDictionary(p => p.Pid);

    /// <summary>Called for each founder of a session of the tree, right after it was founded.</summary>
    public void Acquire(int pid, OwnedThread leader)
    {
        if (TerminalOf(pid) is not { } terminal)
            return;
        if (terminal.Pty is not { } number || context.Terminals.Pty(number) is not { } pty)
        {
            context.Terminals.Outside.Acquire(leader, data);
            return;
        }
        ulong slave = Open(leader, pty.SlavePath, OpenFlags.O_RDWR | OpenFlags.O_NOCTTY);
        Ioctl(leader, slave, TerminalCalls.TIOCSCTTY, 0, $"{pty.SlavePath} as terminal of session {pid}");
        foreach (ObjectRecord record in context.Tree.Objects)
        {
            if (record.Kind == TerminalKind.KindName && TerminalState.From(record) is { Path: "/dev/tty" } state && state.Pty == number)
                OpenControlling(leader, record.Id, state.Flags);
        }
        Close(leader, slave);
    }

    /// <summary>When all processes are there, with their groups: who is in the foreground, and who has given the terminal up.</summary>
    public void SetForeground(IReadOnlyDictionary<int, OwnedThread> made)
    {
        foreach (ProcessRecord leader in context.Tree.Processes)
        {
            if (leader.SessionId != leader.Pid || TerminalOf(leader.Pid) is not { } terminal)
                continue;
            string path = terminal.Pty is { } number && context.Terminals.Pty(number) is { } pty ? pty.SlavePath : context.Terminals.Outside.Path;
            if (path.Length == 0)
                continue;
            SetForeground(leader, made[leader.Pid], path, terminal.ForegroundGroup);
            foreach (ProcessRecord member in context.Tree.Processes)
            {
                if (member.SessionId == leader.Pid && ControllingTerminalAspect.Of(member) is null)
                    GiveUp(made[member.Pid], path, member.Pid);
            }
        }
    }

    private void SetForeground(ProcessRecord leader, OwnedThread thread, string path, int group)
    {
        if (group <= 0)
            return;
        bool exists = context.Tree.Processes.Any(p => p.GroupId == group && p.SessionId == leader.Pid)
            || context.Tree.Zombies.Any(z => z.GroupId == group && z.SessionId == leader.Pid);
        if (!exists)
        {
            context.Warnings.Add($"process group {group} in the foreground of {path} has no process left: the shell {leader.Pid} is there instead");
            return;
        }
        ulong slave = Open(thread, path, OpenFlags.O_RDWR | OpenFlags.O_NOCTTY);
        ProcessMemory.WriteFast(thread.Tid, data, BitConverter.GetBytes(group));
        Ioctl(thread, slave, TerminalCalls.TIOCSPGRP, data.Value, $"process group {group} in the foreground of {path}");
        Close(thread, slave);
    }

    private void GiveUp(OwnedThread thread, string path, int pid)
    {
        ulong slave = Open(thread, path, OpenFlags.O_RDWR | OpenFlags.O_NOCTTY);
        long result = thread.Try(SyscallNumber.ioctl, slave, TerminalCalls.TIOCNOTTY);
        // ENOTTY: it was born before its leader had the terminal.
        if (result != -Errno.ENOTTY)
            RawSyscall.Check(result, "ioctl(TIOCNOTTY)", $"process {pid}");
        Close(thread, slave);
    }

    /// <summary>/dev/tty is whatever the opener's controlling terminal is: so it is the leader that opens it, and we take it over.</summary>
    private void OpenControlling(OwnedThread leader, int objectId, OpenFlags flags)
    {
        ulong fd = Open(leader, "/dev/tty", flags & (OpenFlags.O_ACCMODE | OpenFlags.O_NONBLOCK | OpenFlags.O_LARGEFILE));
        using (PidFd process = PidFd.Open(leader.Tid))
            context.Terminals.KeepControlling(objectId, process.Take((int)fd));
        Close(leader, fd);
    }

    private ControllingTerminalState? TerminalOf(int pid) =>
        _records.TryGetValue(pid, out ProcessRecord? record) ? ControllingTerminalAspect.Of(record) : null;

    private ulong Open(OwnedThread thread, string path, OpenFlags flags)
    {
        ProcessMemory.WriteFast(thread.Tid, data, CString.Of(path));
        return (ulong)thread.Call(SyscallNumber.open, path, data.Value, (ulong)flags);
    }

    private static void Ioctl(OwnedThread thread, ulong fd, uint request, ulong argument, string what) =>
        thread.Call(SyscallNumber.ioctl, what, fd, request, argument);

    private static void Close(OwnedThread thread, ulong fd) => thread.Call(SyscallNumber.close, "a terminal", fd);
}
