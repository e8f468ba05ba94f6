using ProcMigrate.Engine.Kinds.Sockets;
using ProcMigrate.Linux.Files;

namespace ProcMigrate.Engine.Kinds;

/// <summary>The blocker for a descriptor that no kind knows.</summary>
internal static class UnsupportedDescriptor
{
    private const string NotYet = "this kind of descriptor is not carried yet";

    private static readonly (string Link, string Id, string Why, string Remedy)[] ByLink =
    [
        ("anon_inode:[userfaultfd]", "UserFaultFd", "page faults handled by the program cannot be carried", "none is known"),
        ("anon_inode:[io_uring]", "IoUring", "rings of io_uring are not carried", "turn it off (UV_USE_IO_URING=0 for Node.js and libuv)"),
        ("anon_inode:bpf", "Bpf", "BPF objects live in the kernel", "unload it before the save"),
        ("anon_inode:[perf_event]", "PerfEvent", "performance counters are tied to this CPU", "stop the measurement"),
        ("/secretmem", "SecretMemory", "nobody but the program can read this memory, by design", "none is known"),
    ];

    public static Blocker Fuse(int pid, int fd) => new("Fuse", pid, fd, "/dev/fuse", "a mounted FUSE file system is tied to this kernel", "unmount it");

    public static Blocker Describe(DescriptorFacts facts)
    {
        if (SocketFamily.Of(facts) is not null)
            return UnsupportedSocket.Describe(facts);
        if (facts.Link == "/dev/fuse")
            return Fuse(facts.Process.Pid, facts.Fd);
        foreach ((string link, string id, string why, string remedy) in ByLink)
        {
            if (facts.Link.StartsWith(link, StringComparison.Ordinal))
                return new Blocker(id, facts.Process.Pid, facts.Fd, facts.Link, why, remedy);
        }
        return facts.Status.Type switch
        {
            FileType.CharacterDevice or FileType.BlockDevice => Device(facts),
            _ => new Blocker("UnknownDescriptor", facts.Process.Pid, facts.Fd, facts.Link, NotYet, "let the program close it"),
        };
    }

    private static Blocker Device(DescriptorFacts facts)
    {
        FileStatus status = facts.Status;
        string type = status.Type == FileType.BlockDevice ? "block" : "character";
        string driver = DeviceDrivers.NameOf(status);
        return new Blocker(
            "Device", facts.Process.Pid, facts.Fd,
            $"{facts.Link} ({type} device {status.RealDeviceMajor}:{status.RealDeviceMinor}, driver {driver})",
            "what a device holds for the program stays in the machine it is in", "let the program close the device before the save");
    }
}
