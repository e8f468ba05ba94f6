using System.Runtime.ExceptionServices;
using ProcMigrate.Engine.Restore;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Kinds;

/// <summary>What an epoll is still to watch.</summary>
internal sealed class EventPollInMaking(IReadOnlyList<EventPollWatch> watches, RestoreContext context)
{
    private List<EventPollWatch> _left = [.. watches];

    public IReadOnlyList<EventPollWatch> Left => _left;

    public IReadOnlyList<EventPollWatch> TakeThose(Predicate<EventPollWatch> can)
    {
        List<EventPollWatch> taken = _left.FindAll(can);
        _left = _left.FindAll(w => !can(w));
        return taken;
    }

    /// <summary>
    /// Adds files under numbers that no process has for them any more. For that they must have the number for a moment: in a
    /// descriptor table of a thread's own, so that nothing of ours is overwritten.
    /// </summary>
    public void AddRest(Descriptor epoll)
    {
        if (_left.Count == 0)
            return;
        ExceptionDispatchInfo? failure = null;
        var thread = new Thread(() =>
        {
            try
            {
                AddInOwnTable(epoll);
            }
            catch (Exception e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
        });
        thread.Start();
        thread.Join();
        failure?.Throw();
        _left = [];
    }

    private void AddInOwnTable(Descriptor epoll)
    {
        const int CLONE_FILES = 0x400;
        List<int> files = [.. _left.Select(w => context.OpenFiles.Get(w.ObjectId).Number)];
        RawSyscall.Call(SyscallNumber.unshare, "a descriptor table of its own", CLONE_FILES);
        // Out of the way of the numbers that are wanted.
        int above = Math.Max(_left.Max(w => w.Fd), files.Max()) + 1;
        const int F_DUPFD_CLOEXEC = 1030;
        int moved = (int)RawSyscall.Call(SyscallNumber.fcntl, "the epoll", epoll.Number, F_DUPFD_CLOEXEC, above);
        List<int> sources =
            [.. files.Select(file => (int)RawSyscall.Call(SyscallNumber.fcntl, "watched files", file, F_DUPFD_CLOEXEC, above))];
        using var there = new Descriptor(moved);
        for (int i = 0; i < files.Count; i++)
        {
            EventPollWatch watch = _left[i];
            RawSyscall.Call(SyscallNumber.dup2, $"descriptor {watch.Fd}", sources[i], watch.Fd);
            EventPoll.Add(there, watch.Fd, new EventPollEvent { events = watch.Events, data = watch.Data });
        }
        // Not at the thread's end, which is later than what Join tells: the tree may run by then.
        RawSyscall.Call(SyscallNumber.close_range, "the table", 0, unchecked((nint)uint.MaxValue), 0);
        there.SetHandleAsInvalid();
    }
}
