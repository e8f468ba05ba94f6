using ProcMigrate.Engine.Host;
using ProcMigrate.Engine.Inject.X64;
using ProcMigrate.Image.Records;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Processes;
using ProcMigrate.Linux.ProcFs;
using ProcMigrate.Linux.Ptrace;

namespace ProcMigrate.Engine.Restore;

/// <summary>
/// The first process: spawned from <see cref="SeedProgram"/>, seized, and parent of the restored root until that stands;
/// then it ends and the root belongs to init (or to us, as subreaper, where we wait for it).
/// </summary>
internal sealed class Seed : IDisposable
{
    public const PtraceOptions Options =
        PtraceOptions.ExitKill | PtraceOptions.TraceSysGood | PtraceOptions.TraceFork | PtraceOptions.TraceVfork | PtraceOptions.TraceClone;

    private readonly int _pid;
    private bool _ended;

    private Seed(int pid, RemoteAddress address)
    {
        _pid = pid;
        Thread = new OwnedThread(pid, address + SeedProgram.CodeOffset + RestorerCode.Call);
    }

    public OwnedThread Thread { get; }

    /// <summary>What it has, and all that are made of it begin with.</summary>
    public CredentialsRecord Credentials => CredentialFacts.Of(ProcStatus.Of(_pid), CredentialFacts.Own().SecureBits);

    /// <param name="area">Where the restorer's area goes, in the seed and so in all that are made of it.</param>
    /// <param name="taken">Pids that the tree will have: the seed gets none of them.</param>
    public static Seed Spawn(RemoteAddress address, RemoteAddress area, DescriptorChannel channel, IReadOnlySet<int> taken)
    {
        // The kernel deals out pids in turn: what is in the way holds its number until another has the next.
        Seed seed = Spawn(address, area, channel);
        var inTheWay = new Stack<Seed>();
        while (taken.Contains(seed._pid))
        {
            inTheWay.Push(seed);
            seed = Spawn(address, area, channel);
        }
        while (inTheWay.TryPop(out Seed? other))
            other.Dispose();
        return seed;
    }

    /// <inheritdoc cref="Spawn(RemoteAddress, RemoteAddress, DescriptorChannel, IReadOnlySet{int})"/>
    public static Seed Spawn(RemoteAddress address, RemoteAddress area, DescriptorChannel channel)
    {
        using Descriptor made = SeedProgram.Create(address);
        // The channel takes this number before the program is looked up by its own.
        using Descriptor? other = made.Number == RestorerCode.ChannelFd ? Descriptor.Duplicate(made.Number) : null;
        Descriptor program = other ?? made;
        int pid;
        using (BinaryRights.LendToChild())
            pid = Spawner.Start($"/proc/self/fd/{program.Number}", channel.Far, RestorerCode.ChannelFd);
        var seed = new Seed(pid, address);
        try
        {
            Tracer.Seize(pid, Options);
            Tracer.Interrupt(pid);
            while (!seed.Thread.Wait().IsEventStop)
                Tracer.Continue(pid);
            RestorerArea.Enter(seed.Thread, area);
            return seed;
        }
        catch
        {
            seed.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        if (_ended)
            return;
        _ended = true;
        OwnedProcess.Kill(_pid);
    }
}
