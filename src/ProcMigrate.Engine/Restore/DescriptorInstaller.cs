using ProcMigrate.Engine.Inject.X64;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Memory;
using ProcMigrate.Linux.Processes;
using ProcMigrate.Linux.Ptrace;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Restore;

/// <summary>Hands open files of ours to a process in the making, over a unix socket (SCM_RIGHTS), and puts them at their numbers.</summary>
internal sealed class DescriptorInstaller(OwnedThread thread, RestorerArea area, CallTable calls, DescriptorChannel channel, ChannelPlace place)
{
    private const ulong F_SETFD = 2;
    private const ulong F_DUPFD = 0;
    private const ulong FD_CLOEXEC = 1;

    /// <summary>
    /// Closes all that was inherited but the channel, which goes out of the way: above all numbers that the process will ever need, or, where
    /// the limit of open files leaves none there, to one that it does not need. What is received then gets 0, 1, 2 … in order.
    /// </summary>
    /// <param name="count">How many are received at a time, at most.</param>
    public void Prepare(IReadOnlySet<int> needed, int count)
    {
        if (place.Prepared)
            return;
        place.Prepared = true;
        int number = Math.Max(Math.Max(needed.DefaultIfEmpty(0).Max(), count) + 1, RestorerCode.ChannelFd + 1);
        ulong limit = ResourceLimits.GetOwn(ResourceLimits.RLIMIT_NOFILE).rlim_cur;
        while ((ulong)number >= limit || needed.Contains(number))
            number--;
        if (number <= count)
        {
            throw new EngineException(
                "TooManyDescriptors", FailureClass.Failed,
                $"Process {area.Pid} has so many files that the limit of open files ({limit} here) leaves no room for one of ours; nothing is left of the tree. Raise it.");
        }
        place.Fd = (int)thread.Call(SyscallNumber.fcntl, "moving the channel", (ulong)place.Fd, F_DUPFD, (ulong)number);
        calls.Add(SyscallNumber.close_range, "inherited descriptors", 0, (ulong)place.Fd - 1, 0);
        calls.Add(SyscallNumber.close_range, "inherited descriptors", (ulong)place.Fd + 1, uint.MaxValue, 0);
        calls.Run();
    }

    /// <summary>Receives descriptors; they have the numbers 0 to n - 1 then.</summary>
    public void Receive(IReadOnlyList<Descriptor> files) => Receive(files.Count, i => files[i], _ => { });

    /// <param name="file">The file that is to have a number.</param>
    /// <param name="received">Told how many are there after each message: none of those is needed in our own table any more.</param>
    public void Receive(int count, Func<int, Descriptor> file, Action<int> received)
    {
        for (int at = 0; at < count; at += DescriptorChannel.MaxPerMessage)
        {
            int some = Math.Min(DescriptorChannel.MaxPerMessage, count - at);
            channel.Send([.. Enumerable.Range(at, some).Select(i => file(i).Number)]);
            ReceiveMessage(some);
            received(at + some);
        }
    }

    /// <summary>Puts received descriptors at their own numbers, the highest first: nothing is ever in the way.</summary>
    public void Place(IReadOnlyList<DescriptorRecord> ordered)
    {
        for (int i = ordered.Count - 1; i >= 0; i--)
        {
            string what = $"descriptor {ordered[i].Fd}";
            if (ordered[i].Fd != i)
            {
                calls.Add(SyscallNumber.dup2, what, (ulong)i, (ulong)ordered[i].Fd);
                calls.Add(SyscallNumber.close, what, (ulong)i);
            }
            if (ordered[i].CloseOnExec)
                calls.Add(SyscallNumber.fcntl, what, (ulong)ordered[i].Fd, F_SETFD, FD_CLOEXEC);
        }
        calls.Run();
    }

    public void CloseReceived(int count)
    {
        if (count > 0)
            calls.Add(SyscallNumber.close_range, "descriptors used for mapping", 0, (ulong)count - 1, 0);
        calls.Run();
    }

    public void CloseChannel()
    {
        calls.Add(SyscallNumber.close, "the channel", (ulong)place.Fd);
        calls.Run();
    }

    private unsafe void ReceiveMessage(int count)
    {
        RemoteAddress iov = area.Data;
        RemoteAddress message = iov + 64;
        RemoteAddress payload = message + 64;
        RemoteAddress control = payload + 64;
        int controlLength = DescriptorChannel.ControlLength(count);
        var vector = new IoVector { iov_base = payload.Value, iov_len = 1 };
        var header = new MessageHeader
        {
            msg_iov = iov.Value,
            msg_iovlen = 1,
            msg_control = control.Value,
            msg_controllen = (ulong)controlLength,
        };
        ProcessMemory.WriteFast(area.Pid, iov, new ReadOnlySpan<byte>(&vector, sizeof(IoVector)));
        ProcessMemory.WriteFast(area.Pid, message, new ReadOnlySpan<byte>(&header, sizeof(MessageHeader)));
        thread.Call(SyscallNumber.recvmsg, $"{count} descriptors (is the limit of open files too low?)", (ulong)place.Fd, message.Value);
        using ProcessMemory memory = ProcessMemory.Open(area.Pid);
        ControlHeader received = memory.Read<ControlHeader>(control);
        // The kernel installs what it can and cuts the rest without an error (MSG_CTRUNC).
        if (received.cmsg_len != (ulong)(sizeof(ControlHeader) + count * sizeof(int)))
        {
            throw new EngineException(
                "TooManyDescriptors", FailureClass.Failed,
                $"Process {area.Pid} could not take over {count} descriptors: the limit of open files (ulimit -n) is too low here.");
        }
    }
}
