using ProcMigrate.Engine.Kinds;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Processes;
using ProcMigrate.Linux.Terminals;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Restore;

/// <summary>
/// The caller's terminal in the hands of the restored program, while we wait for it as a shell waits for a job: it is in the
/// foreground, with the settings that it had made (an editor's raw mode). Afterwards all is as the caller had it.
/// </summary>
internal sealed class TerminalLoan : IDisposable
{
    private const int F_GETFD = 1;
    private readonly Descriptor _terminal;
    private readonly int _group;
    private readonly int _ownGroup;
    private readonly Termios2 _callers;
    private Termios2 _programs;
    private bool _given;

    private TerminalLoan(Descriptor terminal, int group, int ownGroup, Termios2 programs) =>
        (_terminal, _group, _ownGroup, _callers, _programs) = (terminal, group, ownGroup, TerminalCalls.GetSettings(terminal), programs);

    /// <returns>Null where the program has not got the terminal, or we have not: from the background nobody gives it away.</returns>
    public static TerminalLoan? Give(OutsideTerminal outside, int rootPid)
    {
        int own = (int)RawSyscall.Call(SyscallNumber.getpgrp, "this process");
        if (outside is not { Settings: { } settings, Ours: { } terminal } || TerminalCalls.TryGetForegroundGroup(terminal) != own)
            return null;
        // A session of its own, as a login shell has it, cannot have ours.
        if (RawSyscall.Call(SyscallNumber.getsid, $"process {rootPid}", rootPid) != RawSyscall.Call(SyscallNumber.getsid, "this process"))
            return null;
        int group = (int)RawSyscall.Call(SyscallNumber.getpgid, $"process {rootPid}", rootPid);
        var loan = new TerminalLoan(Descriptor.Duplicate(terminal.Number), group, own, settings.ToTermios());
        loan.Give();
        return loan;
    }

    /// <summary>To a child of ours, which leads a group of its own; its settings are ours until it changes them.</summary>
    /// <returns>Null where we have no terminal, or are in its background.</returns>
    public static TerminalLoan? GiveTo(int group)
    {
        int own = (int)RawSyscall.Call(SyscallNumber.getpgrp, "this process");
        for (int stream = 0; stream <= 2; stream++)
        {
            if (RawSyscall.Try(SyscallNumber.fcntl, stream, F_GETFD) < 0)
                continue;
            Descriptor terminal = Descriptor.Duplicate(stream);
            if (TerminalCalls.TryGetForegroundGroup(terminal) == own)
            {
                var loan = new TerminalLoan(terminal, group, own, TerminalCalls.GetSettings(terminal));
                loan.Give();
                return loan;
            }
            terminal.Dispose();
        }
        return null;
    }

    /// <summary>The program's process group.</summary>
    public int Group => _group;

    /// <summary>Whether signals from the keyboard reach us as they reach the program.</summary>
    public bool SharesGroup => _group == _ownGroup;

    public void Give()
    {
        TerminalCalls.SetSettingsAfterOutput(_terminal, _programs);
        if (!SharesGroup)
            TerminalCalls.SetForegroundGroup(_terminal, _group);
        _given = true;
    }

    /// <summary>After a stop: a shell may have continued us in the background.</summary>
    public void GiveIfForeground()
    {
        if (TerminalCalls.TryGetForegroundGroup(_terminal) == _ownGroup)
            Give();
    }

    /// <summary>What it shows is gone, and its size may be another: who draws, draws again on this signal; all others ignore it.</summary>
    public void AskToRedraw()
    {
        const int SIGWINCH = 28;
        long result = RawSyscall.Try(SyscallNumber.kill, -_group, SIGWINCH);
        if (result != -Errno.ESRCH)
            RawSyscall.Check(result, "kill(SIGWINCH)", $"process group {_group}");
    }

    public void TakeBack()
    {
        if (!_given)
            return;
        _given = false;
        using var blocked = SignalBlock.Enter(SignalBlock.SIGTTOU);
        if (!SharesGroup)
            TerminalCalls.SetForegroundGroup(_terminal, _ownGroup);
        _programs = TerminalCalls.GetSettings(_terminal);
        TerminalCalls.SetSettingsAfterOutput(_terminal, _callers);
    }

    public void Dispose()
    {
        try
        {
            TakeBack();
        }
        catch (LinuxException e) when (e.Errno is Errno.EIO or Errno.ENOTTY)
        {
            // The terminal has hung up meanwhile: there is nothing to put back.
        }
        _terminal.Dispose();
    }
}
