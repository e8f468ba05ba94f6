using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Linux.Processes;

/// <summary>
/// A namespace held open (/proc/PID/ns/…). What is asked of it and what is entered is the same one then, whatever namespaces its process
/// goes to meanwhile, and whatever process gets the pid.
/// </summary>
public sealed class NamespaceFile : IDisposable
{
    private const int NS_GET_USERNS = 0xb701;
    private const int NS_GET_PARENT = 0xb702;
    private const int NS_GET_OWNER_UID = 0xb704;
    private readonly FileStatus _status;

    private NamespaceFile(Descriptor descriptor, string name) => (Descriptor, Name, _status) = (descriptor, name, FileStatus.Of(descriptor));

    public Descriptor Descriptor { get; }

    /// <summary>For people.</summary>
    public string Name { get; }

    /// <param name="kind">As in /proc/PID/ns: mnt, pid …</param>
    public static NamespaceFile Open(int pid, string kind) => Open($"/proc/{pid}/ns/{kind}");

    public static NamespaceFile OpenOwn(string kind) => Open($"/proc/thread-self/ns/{kind}");

    public static NamespaceFile Taken(Descriptor descriptor, string name) => new(descriptor, name);

    public bool IsSame(NamespaceFile other) => _status.IsSameFile(other._status);

    /// <summary>The user namespace in which somebody needs capabilities to do anything with this one; null where that is none of ours.</summary>
    public NamespaceFile? Owner() => Related(NS_GET_USERNS, $"the owner of {Name}");

    /// <summary>Of a pid or user namespace; null where that is none of ours.</summary>
    public NamespaceFile? Parent() => Related(NS_GET_PARENT, $"the parent of {Name}");

    /// <summary>Who has made a user namespace, and has all capabilities in it.</summary>
    public unsafe uint OwnerUid()
    {
        uint uid;
        RawSyscall.Call(SyscallNumber.ioctl, $"the user of {Name}", Descriptor.Number, NS_GET_OWNER_UID, (nint)(&uid));
        return uid;
    }

    /// <summary>
    /// Moves the calling thread, and it alone, into this mount namespace. A thread that shares root and working folder with
    /// others, as threads do, may not (setns(2)); so it gets its own first.
    /// </summary>
    public void EnterMounts()
    {
        const int CLONE_FS = 0x200, CLONE_NEWNS = 0x0002_0000;
        RawSyscall.Call(SyscallNumber.unshare, "the folders of a thread", CLONE_FS);
        RawSyscall.Call(SyscallNumber.setns, Name, Descriptor.Number, CLONE_NEWNS);
    }

    public void Dispose() => Descriptor.Dispose();

    private static NamespaceFile Open(string path) => new(FileCalls.Open(path, OpenFlags.O_RDONLY | OpenFlags.O_CLOEXEC), path);

    private NamespaceFile? Related(int request, string name)
    {
        long fd = RawSyscall.Try(SyscallNumber.ioctl, Descriptor.Number, request);
        // The initial one has no parent; and of those above ours the kernel tells nothing (ioctl_ns(2)).
        return fd == -Errno.EPERM ? null : new NamespaceFile(new Descriptor((int)RawSyscall.Check(fd, "ioctl", name)), name);
    }
}
