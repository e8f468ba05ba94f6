using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Linux.Processes;

/// <summary>A process held by a descriptor: its number cannot be taken over by another meanwhile.</summary>
public sealed class PidFd : IDisposable
{
    private PidFd(int pid, Descriptor descriptor) => (Pid, Descriptor) = (pid, descriptor);

    public int Pid { get; }
    public Descriptor Descriptor { get; }

    public static PidFd Open(int pid) =>
        new(pid, new Descriptor((int)RawSyscall.Call(SyscallNumber.pidfd_open, $"process {pid}", pid)));

    /// <summary>A bare descriptor of a process, with flags such as PIDFD_THREAD.</summary>
    public static Descriptor Open(int pid, OpenFlags flags) =>
        new((int)RawSyscall.Call(SyscallNumber.pidfd_open, $"process {pid}", pid, (nint)flags));

    /// <summary>A duplicate, in our table, of a descriptor of that process: the same open file.</summary>
    public Descriptor Take(int fd) =>
        new((int)RawSyscall.Call(SyscallNumber.pidfd_getfd, $"descriptor {fd} of process {Pid}", Descriptor.Number, fd));

    public void Signal(int signal) =>
        RawSyscall.Call(SyscallNumber.pidfd_send_signal, $"process {Pid}", Descriptor.Number, signal);

    public void Dispose() => Descriptor.Dispose();
}
