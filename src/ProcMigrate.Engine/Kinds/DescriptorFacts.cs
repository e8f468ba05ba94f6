using ProcMigrate.Engine.Freeze;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.ProcFs;

namespace ProcMigrate.Engine.Kinds;

/// <summary>All that is known of one descriptor of a frozen process before its kind is.</summary>
internal sealed class DescriptorFacts(TracedProcess process, int fd) : IDisposable
{
    private readonly Lazy<Descriptor> _ours = new(() => process.PidFd.Take(fd));
    private string? _link;
    private DescriptorInfo? _info;
    private FileStatus? _status;

    public TracedProcess Process { get; } = process;
    public int Fd { get; } = fd;

    /// <summary>What /proc/PID/fd/FD points to: a path, or a name such as <c>pipe:[123]</c>.</summary>
    public string Link => _link ??= FileCalls.ReadLink($"/proc/{Process.Pid}/fd/{Fd}");
    public DescriptorInfo Info => _info ??= DescriptorInfo.Of(Process.Pid, Fd);
    public FileStatus Status => _status ??= FileStatus.OfPath($"/proc/{Process.Pid}/fd/{Fd}");

    /// <summary>A path that leads to the same file, named or not.</summary>
    public string Reach => $"/proc/{Process.Pid}/fd/{Fd}";

    /// <summary>The same open file in our own table, to ask it anything.</summary>
    public Descriptor Ours => _ours.Value;

    /// <summary>Descriptors that agree in this may be one open file; kcmp decides. Of eventfds the kernel tells the number.</summary>
    public (string Link, ulong Device, ulong Inode, string? Number) Likeness =>
        (Link, Status.KernelDevice, Status.Inode, Info.TryField("eventfd-id"));

    public void Dispose()
    {
        if (_ours.IsValueCreated)
            _ours.Value.Dispose();
    }
}
