using Microsoft.Win32.SafeHandles;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Linux.Files;

/// <summary>A descriptor of ours, closed when disposed.</summary>
public sealed class Descriptor : SafeHandleZeroOrMinusOneIsInvalid
{
    public Descriptor(int fd)
        : base(ownsHandle: true) => SetHandle(fd);

    /// <summary>Zero is a valid descriptor, whatever the base class thinks.</summary>
    public override bool IsInvalid => handle < 0;

    public int Number => IsClosed ? throw new ObjectDisposedException(nameof(Descriptor)) : (int)handle;

    /// <summary>Duplicates a descriptor, close-on-exec set.</summary>
    public static Descriptor Duplicate(int fd)
    {
        const int F_DUPFD_CLOEXEC = 1030;
        return new Descriptor((int)RawSyscall.Call(SyscallNumber.fcntl, $"descriptor {fd}", fd, F_DUPFD_CLOEXEC, 3));
    }

    protected override bool ReleaseHandle() => RawSyscall.Try(SyscallNumber.close, handle) == 0;
}
