using ProcMigrate.Linux.Memory;
using ProcMigrate.Linux.Processes;
using ProcMigrate.Linux.ProcFs;

namespace ProcMigrate.Engine.Freeze;

/// <summary>A process of the tree with all its threads standing still.</summary>
internal sealed class TracedProcess(int pid, ProcStat stat, List<TracedThread> threads) : IDisposable
{
    private readonly Lazy<PidFd> _pidFd = new(() => PidFd.Open(pid));
    private readonly Lazy<ProcessMemory> _memory = new(() => ProcessMemory.Open(pid));

    public int Pid { get; } = pid;

    /// <summary>As read while frozen.</summary>
    public ProcStat Stat { get; } = stat;

    /// <summary>The leader first.</summary>
    public IReadOnlyList<TracedThread> Threads { get; } = threads;
    public TracedThread Leader => Threads[0];
    public PidFd PidFd => _pidFd.Value;
    public ProcessMemory Memory => _memory.Value;

    public void Dispose()
    {
        if (_pidFd.IsValueCreated)
            _pidFd.Value.Dispose();
        if (_memory.IsValueCreated)
            _memory.Value.Dispose();
    }
}
