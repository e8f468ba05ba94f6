using ProcMigrate.Engine.Inject.X64;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Processes;
using ProcMigrate.Linux.Ptrace;

namespace ProcMigrate.Engine.Restore;

/// <summary>A process of ours that has done nothing yet: to be compared with, or to be an ended one.</summary>
internal sealed class BlankProcess : IDisposable
{
    private const int SIGKILL = 9;
    private readonly DescriptorChannel _channel = DescriptorChannel.Create();

    public BlankProcess()
    {
        using Descriptor program = SeedProgram.Create(new RemoteAddress(0x1000_0000));
        Pid = Spawner.Start($"/proc/self/fd/{program.Number}", _channel.Far, RestorerCode.ChannelFd);
    }

    public int Pid { get; }

    public void Dispose()
    {
        using PidFd process = PidFd.Open(Pid);
        process.Signal(SIGKILL);
        while (!Tracer.Wait(Pid).Ended)
        {
        }
        _channel.Dispose();
    }
}
