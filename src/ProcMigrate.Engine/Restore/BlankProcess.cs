using ProcMigrate.Engine.Inject.X64;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Processes;

namespace ProcMigrate.Engine.Restore;

/// <summary>A process of ours that has done nothing yet: to be compared with, or to be an ended one.</summary>
internal sealed class BlankProcess : IDisposable
{
    private readonly DescriptorChannel _channel = DescriptorChannel.Create();

    public BlankProcess()
    {
        using Descriptor program = SeedProgram.Create(new RemoteAddress(0x1000_0000));
        Pid = Spawner.Start($"/proc/self/fd/{program.Number}", _channel.Far, RestorerCode.ChannelFd);
    }

    public int Pid { get; }

    public void Dispose()
    {
        OwnedProcess.Kill(Pid);
        _channel.Dispose();
    }
}
