using ProcMigrate.Engine.Inject.X64;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Processes;
using ProcMigrate.Linux.Ptrace;

namespace ProcMigrate.Engine.Restore.Release;

/// <summary>
/// A process of its own that stands by while a tree changes from "dies with us" to "lives on": should we be killed meanwhile, it brings the
/// change to the one end or the other. Should it be killed, we are there.
/// </summary>
internal sealed class Guardian : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private readonly DescriptorChannel _channel;
    private readonly int _pid;

    private Guardian(int pid, DescriptorChannel channel) => (_pid, _channel) = (pid, channel);

    /// <summary>Returns when it has hold of every process.</summary>
    /// <param name="processes">By pid, and whether a stop waits for it that is not its own.</param>
    public static Guardian Post(Descriptor record, IReadOnlyList<(int Pid, bool Held)> processes)
    {
        // A duplicate: that one survives the exec, and only there. Not under the number that the channel takes.
        using Descriptor first = Descriptor.Duplicate(record.Number);
        using Descriptor? second = first.Number == RestorerCode.ChannelFd ? Descriptor.Duplicate(record.Number) : null;
        Descriptor inherited = second ?? first;
        using Descriptor made = GuardianProgram.Create(inherited.Number, processes);
        using Descriptor? other = made.Number == RestorerCode.ChannelFd ? Descriptor.Duplicate(made.Number) : null;
        DescriptorChannel channel = DescriptorChannel.Create();
        try
        {
            FileCalls.ClearCloseOnExec(inherited);
            var guardian = new Guardian(Spawner.Start($"/proc/self/fd/{(other ?? made).Number}", channel.Far, RestorerCode.ChannelFd), channel);
            // Its end alone: so the end of either is seen by the other.
            channel.Far.Dispose();
            guardian.AwaitReady(processes.Count);
            return guardian;
        }
        catch
        {
            channel.Dispose();
            throw;
        }
    }

    private void AwaitReady(int processes)
    {
        if (Polling.AwaitInput(_channel.Near, Patience) && FileCalls.TryReadByte(_channel.Near) is not null)
            return;
        WaitStatus? status = Tracer.Wait(_pid, TimeSpan.FromMilliseconds(200));
        throw status is { Exited: true, ExitCode: Errno.EMFILE or Errno.ENFILE }
            ? new EngineException(
                "TooManyDescriptors", FailureClass.Failed,
                $"The tree has {processes} processes, and each takes a descriptor while it is let go: the limit of open files (ulimit -Hn) is too low here. Nothing is left of the tree.")
            : new EngineException(
                "RestoreDied", FailureClass.Failed,
                $"The helper that guards the letting-go, process {_pid}, {status?.ToString() ?? "does not answer"}; nothing is left of the tree.");
    }

    /// <summary>It is not needed any more.</summary>
    public void Dispose()
    {
        FileCalls.TryWriteByte(_channel.Near, 0);
        _channel.Dispose();
        OwnedProcess.Kill(_pid);
    }
}
