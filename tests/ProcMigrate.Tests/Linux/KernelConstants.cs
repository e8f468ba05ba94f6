namespace ProcMigrate.Tests.Linux;

/// <summary>What <see cref="KernelConstantTests"/> has to know beside the headers.</summary>
internal static class KernelConstants
{
    /// <summary>
    /// Headers of the translation unit in which constants are looked up. libc's where both have one; the kernel's own values
    /// (O_LARGEFILE, which libc defines as 0) are checked as enums, in units of their own.
    /// </summary>
    public static readonly string[] Headers =
    [
        "asm/prctl.h", "elf.h", "errno.h", "fcntl.h", "mqueue.h", "netinet/in.h", "netinet/tcp.h", "netinet/udp.h", "poll.h", "sched.h", "signal.h", "spawn.h", "stdio.h",
        "sys/epoll.h", "sys/eventfd.h", "sys/fanotify.h", "sys/file.h", "sys/inotify.h", "sys/ioctl.h", "sys/ipc.h", "sys/mman.h",
        "sys/msg.h", "sys/personality.h", "sys/prctl.h", "sys/resource.h", "sys/sem.h", "sys/shm.h", "sys/signalfd.h",
        "sys/socket.h", "sys/stat.h", "sys/statvfs.h", "sys/syscall.h", "sys/time.h", "sys/timerfd.h", "sys/types.h", "sys/uio.h", "sys/un.h",
        "sys/wait.h", "termios.h", "time.h", "unistd.h", "linux/aio_abi.h", "linux/audit.h", "linux/capability.h", "linux/ethtool.h", "linux/filter.h", "linux/fs.h",
        "linux/futex.h", "linux/if_packet.h", "linux/if_tun.h", "linux/inet_diag.h", "linux/io_uring.h", "linux/ioprio.h", "linux/kcmp.h", "linux/landlock.h",
        "linux/magic.h", "linux/membarrier.h", "linux/memfd.h", "linux/netfilter.h", "linux/netfilter/nf_tables.h", "linux/netfilter/nfnetlink.h", "linux/netlink.h", "linux/nsfs.h", "linux/prctl.h", "linux/ptrace.h",
        "linux/rseq.h", "linux/seccomp.h", "linux/securebits.h", "linux/sock_diag.h", "linux/sockios.h", "linux/soundcard.h",
        "linux/openat2.h", "sys/mount.h", "linux/unix_diag.h", "linux/userfaultfd.h",
    ];

    /// <summary>
    /// Constants that the headers of Linux 6.1 (Debian 12) do not have: from the kernel's include/uapi as of the version named.
    /// Headers that define them are believed more.
    /// </summary>
    public static readonly (string Name, string Value)[] Newer =
    [
        ("MFD_EXEC", "0x10"), // 6.3
        ("MEMBARRIER_CMD_GET_REGISTRATIONS", "(1 << 9)"), // 6.3
        ("PR_SET_MEMORY_MERGE", "67"), // 6.4
        ("PR_GET_MEMORY_MERGE", "68"), // 6.4
        ("PTRACE_SET_SYSCALL_USER_DISPATCH_CONFIG", "0x4210"), // 6.4
        ("PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG", "0x4211"), // 6.4
        ("PAGEMAP_SCAN", "_IOC(_IOC_READ | _IOC_WRITE, 'f', 16, 96)"), // 6.7, of a struct of 12 words
        ("PAGE_IS_WPALLOWED", "(1 << 0)"), // 6.7
        ("PAGE_IS_WRITTEN", "(1 << 1)"),
        ("PAGE_IS_FILE", "(1 << 2)"),
        ("PAGE_IS_PRESENT", "(1 << 3)"),
        ("PAGE_IS_SWAPPED", "(1 << 4)"),
        ("PAGE_IS_PFNZERO", "(1 << 5)"),
        ("PAGE_IS_HUGE", "(1 << 6)"),
        ("PAGE_IS_SOFT_DIRTY", "(1 << 7)"),
        ("SOCKET_URING_OP_SETSOCKOPT", "3"), // 6.7
        ("__NR_mseal", "462"), // 6.10
        ("MAP_DROPPABLE", "0x08"), // 6.11
        ("MADV_GUARD_INSTALL", "102"), // 6.13
        ("PAGE_IS_GUARD", "(1 << 8)"), // 6.15
        ("PR_TIMER_CREATE_RESTORE_IDS", "77"), // 6.16

        // Never in a header for programs: include/linux/errno.h, seen through ptrace only.
        ("ERESTARTSYS", "512"),
        ("ERESTARTNOINTR", "513"),
        ("ERESTARTNOHAND", "514"),
        ("ERESTART_RESTARTBLOCK", "516"),

        // Of linux/inotify.h and linux/timerfd.h, which cannot be included beside libc's.
        ("INOTIFY_IOC_SETNEXTWD", "_IOW('I', 0, int)"),
        ("TFD_IOC_SET_TICKS", "_IOW('T', 0, unsigned long long)"),
        ("AIO_RING_MAGIC", "0xa10a10a1"), // fs/aio.c

        // include/net/tcp.h, which programs do not see; linux/in6.h, which cannot be included beside libc's netinet/in.h.
        ("TCPOPT_MSS", "2"),
        ("TCPOPT_SACK_PERM", "4"),
        ("TCPOPT_TIMESTAMP", "8"),
        ("IPV6_HDRINCL", "36"),
        ("SIOCOUTQNSD", "0x894B"), // linux/sockios.h, since 3.4

        // Of glibc's own ptrace.h, which cannot be included beside the kernel's.
        ("PTRACE_CONT", "7"),

        // linux/un.h, which cannot be included beside libc's sys/un.h; include/linux/socket.h, which programs do not see.
        ("SIOCUNIXFILE", "(SIOCPROTOPRIVATE + 0)"),
        ("SOL_UDPLITE", "136"),
    ];

    /// <summary>Other C expressions than the name: several flags in one constant of ours, say.</summary>
    public static readonly Dictionary<string, string> Composed = new()
    {
        ["FALLOC_FL_PUNCH_HOLE_KEEP_SIZE"] = "FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE",
        ["MAP_PRIVATE_ANONYMOUS_FIXED_NOREPLACE"] = "MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE",
        ["MAP_SHARED_ANONYMOUS"] = "MAP_SHARED | MAP_ANONYMOUS",
        ["MAP_SHARED_POPULATE"] = "MAP_SHARED | MAP_POPULATE",
        ["MAP_PRIVATE_ANONYMOUS_POPULATE"] = "MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE",
        ["NLM_F_EXCL_CREATE"] = "NLM_F_EXCL | NLM_F_CREATE",
        ["NLM_F_CREATE_APPEND"] = "NLM_F_CREATE | NLM_F_APPEND",
        ["MAP_PRIVATE_ANONYMOUS"] = "MAP_PRIVATE | MAP_ANONYMOUS",
        ["MREMAP_MAYMOVE_FIXED"] = "MREMAP_MAYMOVE | MREMAP_FIXED",
        ["PF_RWX"] = "PF_R | PF_W | PF_X",
        ["PROT_READ_WRITE"] = "PROT_READ | PROT_WRITE",

        // struct termios2 is in asm/termbits.h, which cannot be included beside termios.h; its size is checked with the structs.
        ["TCGETS2"] = "_IOR('T', 0x2A, char[44])",
        ["TCSETS2"] = "_IOW('T', 0x2B, char[44])",
        ["TCSETSW2"] = "_IOW('T', 0x2C, char[44])",
    };

    /// <summary>Spelled like constants of the kernel, and none.</summary>
    public static readonly string[] Ours = [];

    /// <summary>Enums of ProcMigrate.Linux whose numbers nobody else knows.</summary>
    public static readonly string[] OurEnums = ["LockClass", "SysvKind"];

    /// <summary>The enums that stand for numbers of the kernel.</summary>
    public static readonly KernelEnum[] Enums =
    [
        new("Capability", "linux/capability.h"),
        new("FileType", "sys/stat.h", Members: new()
        {
            ["Fifo"] = "S_IFIFO", ["CharacterDevice"] = "S_IFCHR", ["Directory"] = "S_IFDIR", ["BlockDevice"] = "S_IFBLK",
            ["Regular"] = "S_IFREG", ["SymbolicLink"] = "S_IFLNK", ["Socket"] = "S_IFSOCK", ["None"] = "0",
        }),
        new("OpenFlags", "asm/fcntl.h", Members: new() { ["O_ASYNC"] = "FASYNC" }),
        new("PageCategory", "linux/ioctl.h linux/fs.h", Members: new()
        {
            ["None"] = "0", ["WriteProtectAllowed"] = "PAGE_IS_WPALLOWED", ["Written"] = "PAGE_IS_WRITTEN", ["File"] = "PAGE_IS_FILE",
            ["Present"] = "PAGE_IS_PRESENT", ["Swapped"] = "PAGE_IS_SWAPPED", ["ZeroPage"] = "PAGE_IS_PFNZERO", ["Huge"] = "PAGE_IS_HUGE",
            ["Guard"] = "PAGE_IS_GUARD",
        }),
        new("PtraceOptions", "linux/ptrace.h", Members: new()
        {
            ["None"] = "0", ["TraceSysGood"] = "PTRACE_O_TRACESYSGOOD", ["TraceFork"] = "PTRACE_O_TRACEFORK",
            ["TraceVfork"] = "PTRACE_O_TRACEVFORK", ["TraceClone"] = "PTRACE_O_TRACECLONE", ["TraceExec"] = "PTRACE_O_TRACEEXEC",
            ["ExitKill"] = "PTRACE_O_EXITKILL", ["SuspendSeccomp"] = "PTRACE_O_SUSPEND_SECCOMP",
        }),
        new("PtraceRequest", "linux/ptrace.h"),
        new("RegisterSet", "elf.h"),
        new("SyscallNumber", "asm/unistd_64.h", Prefix: "__NR_"),
    ];
}

/// <param name="Headers">Included in order.</param>
/// <param name="Prefix">In C, before the name of each member.</param>
/// <param name="Members">C expressions for members whose names are not the kernel's own.</param>
internal sealed record KernelEnum(string Name, string Headers, string Prefix = "", Dictionary<string, string>? Members = null)
{
    public string CName(string member) => Members?.GetValueOrDefault(member) ?? Prefix + member;
}
