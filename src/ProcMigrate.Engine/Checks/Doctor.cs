using ProcMigrate.Engine.Freeze;
using ProcMigrate.Engine.Host;
using ProcMigrate.Engine.Namespaces;
using ProcMigrate.Engine.Restore.Release;
using ProcMigrate.Linux;
using ProcMigrate.Linux.Files;
using ProcMigrate.Linux.Memory;
using ProcMigrate.Linux.Processes;
using ProcMigrate.Linux.ProcFs;
using ProcMigrate.Linux.X64;

namespace ProcMigrate.Engine.Checks;

/// <summary>Tries what the engine needs, on itself, and says what is missing and how to get it.</summary>
internal static class Doctor
{
    private const string NewerKernel = "use a newer kernel";

    public static IReadOnlyList<DoctorFinding> Examine(bool clean) =>
    [
        Kernel(),
        Right(Capability.CAP_SYS_PTRACE, "saving processes of other users", "run with sudo"),
        Right(
            Capability.CAP_CHECKPOINT_RESTORE, "restoring with the same pids without --pid-namespace, reading all shared memory",
            "run with sudo, or: setcap cap_checkpoint_restore+ep on the binary, for programs of those who run it"),
        Right(Capability.CAP_SYS_RESOURCE, "raising hard limits and lowering oom_score_adj", "run with sudo"),
        Yama(),
        UserNamespaces(),
        Try("pidfd_getfd", true, "taking hold of descriptors", "needs Linux 5.6: " + NewerKernel, TryPidFd),
        Try("kcmp", true, "telling shared open files", "needs a kernel with CONFIG_KCMP", () => Kcmp.Compare(Own, Own, Kcmp.KCMP_VM)),
        Try("memfd_create", true, "the seed of a restore", "needs Linux 3.17", () => MemoryFile.Create("doctor").Dispose()),
        Try("/proc/PID/map_files", false, "shared memory", "needs CONFIG_CHECKPOINT_RESTORE and its capability", TryMapFiles),
        Try("/proc/PID/pagemap", true, "finding the pages in use", "mount /proc without restrictions", TryPagemap),
        Rseq(),
        Membarrier(),
        Remains(clean),
    ];

    private static int Own => Environment.ProcessId;

    private static DoctorFinding Remains(bool clean)
    {
        const string Topic = "killed restores";
        List<string> found = clean ? RestoreRemains.Clean() : RestoreRemains.Find();
        return found.Count == 0 ? new DoctorFinding(Topic, true, false, "have left nothing", "")
            : clean ? new DoctorFinding(Topic, true, false, $"had left, and it is removed: {string.Join(", ", found)}", "")
            : new DoctorFinding(Topic, false, false, $"have left {string.Join(", ", found)}", "procmigrate doctor --clean removes it, and the next restore does");
    }

    private static DoctorFinding Kernel()
    {
        string release = FileCalls.ReadText("/proc/sys/kernel/osrelease").Trim();
        bool recent = Version.TryParse(release.Split('-')[0].Split('+')[0], out Version? version) && version >= new Version(5, 15);
        return new DoctorFinding("kernel", recent, true, release, recent ? "" : "needs Linux 5.15 or later");
    }

    private static DoctorFinding Right(Capability capability, string use, string remedy)
    {
        bool there = Privileges.Has(capability);
        return new DoctorFinding(capability.ToString(), there, false, use, there ? "" : remedy);
    }

    private static DoctorFinding Yama()
    {
        const string Path = "/proc/sys/kernel/yama/ptrace_scope";
        string scope = File.Exists(Path) ? FileCalls.ReadText(Path).Trim() : "absent";
        bool open = scope is "absent" or "0" || (scope != "3" && Privileges.Has(Capability.CAP_SYS_PTRACE));
        return new DoctorFinding(
            "yama ptrace_scope", open, false, scope,
            open ? "" : scope == "3" ? "reboot: 3 cannot be changed" : "sysctl kernel.yama.ptrace_scope=0, or run with sudo");
    }

    private static DoctorFinding UserNamespaces()
    {
        const string Topic = "user namespaces", Use = "restoring without privileges, by --pid-namespace";
        bool needed = !Privileges.Has(Capability.CAP_CHECKPOINT_RESTORE) && !Privileges.Has(Capability.CAP_SYS_ADMIN);
        try
        {
            PtraceThread.Run(() =>
            {
                NamespaceLauncher.Probe();
                return 0;
            });
            return new DoctorFinding(Topic, true, needed, Use, "");
        }
        catch (Exception e) when (e is LinuxException or EngineException)
        {
            return new DoctorFinding(Topic, false, needed, e.Message, SwitchOn());
        }
    }

    private static string SwitchOn()
    {
        foreach ((string setting, string off, string on) in ((string, string, string)[])
            [("user.max_user_namespaces", "0", "10000"), ("kernel.unprivileged_userns_clone", "0", "1"), ("kernel.apparmor_restrict_unprivileged_userns", "1", "0")])
        {
            string path = "/proc/sys/" + setting.Replace('.', '/');
            if (File.Exists(path) && FileCalls.ReadText(path).Trim() == off)
                return $"sysctl {setting}={on}, or run with sudo";
        }
        return "run with sudo";
    }

    /// <summary>Without arguments the call is refused (EINVAL) where it is known; PTRACE_GET_RSEQ_CONFIGURATION comes with it from 5.13 on.</summary>
    private static DoctorFinding Rseq()
    {
        bool there = RawSyscall.Try(SyscallNumber.rseq) != -Errno.ENOSYS;
        return new DoctorFinding(
            "rseq", there, false, "restartable sequences of glibc 2.35 and later", there ? "" : "needs a kernel with CONFIG_RSEQ");
    }

    private static DoctorFinding Membarrier()
    {
        const int MEMBARRIER_CMD_GET_REGISTRATIONS = 1 << 9;
        bool there = RawSyscall.Try(SyscallNumber.membarrier, MEMBARRIER_CMD_GET_REGISTRATIONS) >= 0;
        return new DoctorFinding(
            "membarrier registrations", there, false, "read exactly from Linux 6.3 on, else assumed", there ? "" : NewerKernel);
    }

    private static void TryPidFd()
    {
        using PidFd self = PidFd.Open(Own);
        using Descriptor probe = MemoryFile.Create("doctor");
        self.Take(probe.Number).Dispose();
    }

    private static void TryMapFiles()
    {
        MemoryMap map = MemoryMap.ReadMaps(Own).First(m => m.Inode != 0);
        FileCalls.Open($"/proc/{Own}/map_files/{map.Start.Value:x}-{map.End.Value:x}", OpenFlags.O_RDONLY).Dispose();
    }

    private static void TryPagemap()
    {
        using PageScanner scanner = PageScanner.Open(Own);
        MemoryMap map = MemoryMap.ReadMaps(Own)[0];
        scanner.Scan(map.Start, map.End);
    }

    private static DoctorFinding Try(string topic, bool needed, string use, string remedy, Action probe)
    {
        try
        {
            probe();
            return new DoctorFinding(topic, true, needed, use, "");
        }
        catch (LinuxException e)
        {
            return new DoctorFinding(topic, false, needed, e.Message, remedy);
        }
    }
}
