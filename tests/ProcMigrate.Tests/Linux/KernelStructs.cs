namespace ProcMigrate.Tests.Linux;

/// <summary>
/// The C counterpart of every interop struct of the engine. Whoever adds a struct adds a line here, or
/// <see cref="KernelStructTests"/> fails.
/// </summary>
internal static class KernelStructs
{
    /// <summary>
    /// Layouts of our own, and the test that holds them against the machine code that reads them.
    /// </summary>
    public static readonly string[] Ours =
    [
        "CallRow", // InjectedCodeTests.CallRow_IsWhatTheTableCodeReads
        "PadWords", // InjectedCodeTests.PadWords_AreWhereTheCodeReadsThem
    ];

    // struct pm_scan_arg and page_region came with Linux 6.7, ptrace_sud_config with 6.4: older headers do not have them, so the
    // declarations here are those of Documentation/admin-guide/mm/pagemap.rst and include/uapi/linux/ptrace.h. Newer headers
    // define the macro, and then theirs are taken.
    private const string PagemapScan = """
        #ifndef PAGEMAP_SCAN
        struct page_region { __u64 start, end, categories; };
        struct pm_scan_arg {
            __u64 size, flags, start, end, walk_end, vec, vec_len, max_pages;
            __u64 category_inverted, category_mask, category_anyof_mask, return_mask;
        };
        #endif
        """;

    private const string SyscallUserDispatch = """
        #ifndef PTRACE_GET_SYSCALL_USER_DISPATCH_CONFIG
        struct ptrace_sud_config { __u64 mode, selector, offset, len; };
        #endif
        """;

    // In no header: what fs/aio.c puts at the start of the ring that it shares with the program.
    private const string AioRing = """
        struct aio_ring {
            unsigned id, nr, head, tail;
            unsigned magic, compat_features, incompat_features, header_length;
        };
        """;

    private const string CapabilityCall = """
        struct capability_call { struct __user_cap_header_struct header; struct __user_cap_data_struct data[2]; };
        """;

    public static readonly KernelStruct[] Known =
    [
        new("AioRequest", "struct iocb", "linux/aio_abi.h"),
        new("AioRing", "struct aio_ring", "linux/types.h", Declaration: AioRing),
        new("AlternateStack", "stack_t", "signal.h"),
        new("AudioBufferInfo", "audio_buf_info", "linux/soundcard.h"),
        new("CapabilityCall", "struct capability_call", "linux/capability.h",
            "version=header.version pid=header.pid effective0=data[0].effective permitted0=data[0].permitted "
            + "inheritable0=data[0].inheritable effective1=data[1].effective permitted1=data[1].permitted "
            + "inheritable1=data[1].inheritable", CapabilityCall),
        new("CloneArguments", "struct clone_args", "linux/types.h linux/sched.h"),
        new("ControlHeader", "struct cmsghdr", "sys/socket.h"),
        new("EthtoolValue", "struct ethtool_value", "linux/ethtool.h"),
        new("EventPollEvent", "struct epoll_event", "sys/epoll.h"),
        new("EventPollSlot", "struct kcmp_epoll_slot", "linux/kcmp.h"),
        new("FileHandle", "struct file_handle", "fcntl.h"),
        new("FileOwner", "struct f_owner_ex", "fcntl.h"),
        new("FileRange", "struct flock", "fcntl.h"),
        new("FileSystemStatus", "struct statfs", "sys/statfs.h"),
        new("FilterInstruction", "struct sock_filter", "linux/filter.h"),
        new("FilterProgram", "struct sock_fprog", "linux/filter.h"),
        new("InterfaceRequest", "struct ifreq", "net/if.h", "ifr_name=ifr_ifrn.ifrn_name ifr_value=ifr_ifru"),
        new("IntervalTimerValue", "struct itimerval", "sys/time.h",
            "it_interval_sec=it_interval.tv_sec it_interval_usec=it_interval.tv_usec "
            + "it_value_sec=it_value.tv_sec it_value_usec=it_value.tv_usec"),
        new("IoVector", "struct iovec", "sys/uio.h"),
        new("IpcPermissions", "struct ipc64_perm", "linux/types.h asm/ipcbuf.h asm/msgbuf.h"),
        // The kernel's own: libc's has another order and a mask sixteen times as long.
        new("KernelSigaction", "struct sigaction", "asm/signal.h", "handler=sa_handler flags=sa_flags restorer=sa_restorer mask=sa_mask"),
        new("MemoryLayoutMap", "struct prctl_mm_map", "linux/prctl.h"),
        new("MessageHeader", "struct msghdr", "sys/socket.h"),
        new("MessageQueueAttributes", "struct mq_attr", "mqueue.h"),
        new("MessageQueueStatus", "struct msqid64_ds", "linux/types.h asm/ipcbuf.h asm/msgbuf.h"),
        new("MountAttributes", "struct mount_attr", "linux/mount.h"),
        new("OpenHow", "struct open_how", "linux/openat2.h"),
        new("PageRegion", "struct page_region", "linux/fs.h", Declaration: PagemapScan),
        new("PagemapScanArgs", "struct pm_scan_arg", "linux/fs.h", Declaration: PagemapScan),
        new("PeekSigInfoArgs", "struct ptrace_peeksiginfo_args", "linux/ptrace.h", Declaration: SyscallUserDispatch),
        new("PollDescriptor", "struct pollfd", "poll.h"),
        new("ResourceLimit", "struct rlimit64", "linux/resource.h"),
        new("RseqConfiguration", "struct ptrace_rseq_configuration", "linux/ptrace.h", Declaration: SyscallUserDispatch),
        new("RseqCriticalSection", "struct rseq_cs", "linux/rseq.h"),
        new("SchedAttr", "struct sched_attr", "linux/sched/types.h"),
        new("SeccompMetadata", "struct seccomp_metadata", "linux/ptrace.h", Declaration: SyscallUserDispatch),
        new("SignalEvent", "struct sigevent", "signal.h", "sigev_notify_thread_id=_sigev_un._tid"),
        new("SignalInfo", "siginfo_t", "signal.h"),
        new("Statx", "struct statx", "linux/stat.h", "spare0=__spare0"),
        new("StatxTimestamp", "struct statx_timestamp", "linux/stat.h", "reserved=__reserved"),
        new("SyscallUserDispatchConfig", "struct ptrace_sud_config", "linux/ptrace.h", Declaration: SyscallUserDispatch),
        new("Termios2", "struct termios2", "asm/termbits.h"),
        new("TimeSpec", "struct __kernel_timespec", "linux/time_types.h"),
        new("TimerSpec", "struct __kernel_itimerspec", "linux/time_types.h"),
        new("UserRegisters", "struct user_regs_struct", "sys/user.h"),
        new("WindowSize", "struct winsize", "asm/termios.h"),
    ];
}
